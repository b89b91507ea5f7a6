import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ratingsSchema } from '../../analysis/schema/quality.ts'
import { llemServer } from './program.ts'
import { tempDir } from './served.ts'

let dir: string
beforeAll(() => {
  dir = tempDir()
  const line = (model: string, energy_j: number) =>
    JSON.stringify({ prompt_id: 'q1', prompt: 'Why?', model, output: `${model} says so`, energy_j })
  mkdirSync(join(dir, 'two'))
  for (const path of ['answers.ndjson', 'two/a.ndjson', 'two/b.ndjson'])
    writeFileSync(join(dir, path), `${line('small', 4)}\n${line('large', 40)}\n`)
  writeFileSync(join(dir, 'bad.ndjson'), `${line('small', 4)}\n${line('large', -1)}\n`)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const run = (...args: string[]) => llemServer([...args, '--db', join(dir, 'lab.db')], { cwd: dir })

describe('llem-server import of answers', () => {
  it('says what it would take, takes it, and changes nothing the second time', async () => {
    const dry = await run('import', 'answers.ndjson', '--dry-run', '--json')
    expect(JSON.parse(dry.stdout)).toMatchObject({ dry_run: true, answers: 2 })
    const first = await run('import', 'answers.ndjson')
    expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('Imported 2 answers.')])
    const again = await run('import', 'answers.ndjson', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ inserted: 0, same: 2 })
  })

  it('refuses in one sentence, with exit 1', async () => {
    const bad = await run('import', 'bad.ndjson')
    expect([bad.code, bad.stderr]).toEqual([
      1,
      expect.stringMatching(/^bad\.ndjson, line 2: energy_j is -1;.*\n$/),
    ])
    const folder = await run('import', 'two', '--format', 'answers')
    expect([folder.code, folder.stderr]).toEqual([1, expect.stringContaining('holds 2 files')])
  })
})

describe('llem-server ratings', () => {
  it('prints the JSON of /ratings, a chart, or that there are no votes', async () => {
    await run('import', 'answers.ndjson')
    const json = await run('ratings', '--json')
    expect(ratingsSchema.parse(JSON.parse(json.stdout))).toMatchObject({ by: 'model', votes: 0 })
    const vega = await run('ratings', '--format', 'vega')
    expect(JSON.parse(vega.stdout)).toHaveProperty('layer')
    expect((await run('ratings')).stdout).toContain('No votes yet.')
    const bad = await run('ratings', '--by', 'colour')
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('--by is "colour"')])
  })
})
