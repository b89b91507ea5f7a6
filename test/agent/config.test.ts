import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AGENT, type Home, makeHome, run } from '../support/programs.ts'

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

const config = async (command: string, study: object) => {
  const { code, stdout } = await run(AGENT, ['config', command, '-', '--json'], home, {
    input: JSON.stringify(study),
  })
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

describe('llem-agent config --json', () => {
  it('shows one experiment whole, with its key', async () => {
    expect(await config('show', { model: 'x', load: { concurrency: 4 } })).toMatchObject({
      experiment_key: expect.stringMatching(/^[0-9a-f]{32}$/),
      model: { id: 'x' },
      load: { shape: 'closed', concurrency: 4 },
    })
  })

  it('gives the experiments of a grid in the same form', async () => {
    const sweep = { 'load.concurrency': [1, 4], 'model.id': ['a', 'b'] }
    const { experiments } = await config('grid', { sweep, repeat: { cycles: 3 } })
    const pairs = experiments.map((e: { model: { id: string }; load: { concurrency: number } }) => [
      e.load.concurrency,
      e.model.id,
    ])
    expect(pairs.sort()).toEqual([
      [1, 'a'],
      [1, 'b'],
      [4, 'a'],
      [4, 'b'],
    ])
    const keys = experiments.map((e: { experiment_key: string }) => e.experiment_key)
    expect(new Set(keys).size).toBe(4)
    const [first] = experiments
    const { experiment_key, ...rest } = first
    expect((await config('show', rest)).experiment_key).toBe(experiment_key)
  })
})

describe('what is written wrongly on the command line', () => {
  it.each([
    ['quick-test', ['--set', 'a=['], '--set a=[: is neither YAML nor JSON'],
    [
      'quick-test',
      ['--set', 'load.concurrency='],
      '--set load.concurrency: has no value; write null where none is meant',
    ],
    ['quick-tset', [], 'did you mean quick-test?'],
    ['constructor', [], 'no preset of that name'],
  ])('%s %j is refused with a sentence', async (source, args, said) => {
    const { code, stderr } = await run(AGENT, ['config', 'show', source, ...args], home)
    expect(stderr).toContain(said)
    expect(stderr).not.toContain('    at ')
    expect(code).toBe(2)
  })
})
