import { describe, expect, it } from 'vitest'
import {
  configuredValues,
  isConfiguredPath,
  nearestPath,
  resultValues,
} from '../../../analysis/schema/configured.ts'

describe('configured values', () => {
  it('stand under their own path; what is unset has none, a list is one value, names and tags are none', () => {
    const values = configuredValues({
      name: 'x',
      tags: { team: 'a' },
      model: { id: 'm', path: null },
      load: { concurrency: 4, rate: null },
      data: { input_tokens: { dist: 'normal', mean: 512 } },
      engine: { options: { greedy: true } },
      sensors: { beside: ['zeus'], meters: [] },
    })
    expect([...values]).toEqual([
      ['model.id', 'm'],
      ['load.concurrency', 4],
      ['data.input_tokens.dist', 'normal'],
      ['data.input_tokens.mean', 512],
      ['engine.options.greedy', true],
      ['sensors.beside', '["zeus"]'],
      ['sensors.meters', '[]'],
    ])
  })

  it.each([
    ['load.concurrency', true],
    ['data.input_tokens', true],
    ['data.input_tokens.mean', true],
    ['engine.options.max_num_seqs', true],
    ['engine.options.nested.key', true],
    ['phases.window.from_s', true],
    ['devices', true],
    ['setup.endpoint', true],
    ['load.concurency', false],
    ['load', false],
    ['load.', false],
    ['.concurrency', false],
    ['model', false],
    ['tags.team', false],
    ['toString', false],
    ['load.constructor', false],
    ['__proto__.x', false],
  ])('%s is a path of a configuration: %s', (path, known) => {
    expect(isConfiguredPath(path)).toBe(known)
  })

  it.each([
    ['concurrency', 'load.concurrency'],
    ['load.concurency', 'load.concurrency'],
    ['laod.concurrency', 'load.concurrency'],
    ['data.input_token', 'data.input_tokens'],
    ['nonsense', null],
    ['load.nonsense', null],
  ])('%s was perhaps meant as %s', (path, meant) => {
    expect(nearestPath(path)).toBe(meant)
  })

  it('of a result of another tool stand under the path that means the same here', () => {
    expect([
      ...resultValues({ setup: { concurrency: 8, input_tokens: null, endpoint: 'chat' } }),
    ]).toEqual([
      ['load.concurrency', 8],
      ['setup.endpoint', 'chat'],
    ])
  })
})
