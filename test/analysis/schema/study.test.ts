import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'
import { experimentKey } from '../../../analysis/schema/key.ts'
import { ConfigError, parseStudy, setPath } from '../../../analysis/schema/study.ts'

function issuesOf(config: unknown): readonly { path: string; message: string }[] {
  try {
    parseStudy(config)
  } catch (error) {
    if (error instanceof ConfigError) return error.issues
    throw error
  }
  throw new Error('was accepted')
}

describe('a configuration', () => {
  it('is whole when nothing is written', () => {
    const [item] = parseStudy({}).items
    expect(item?.experiment).toMatchObject({
      model: { id: 'smollm2-135m' },
      engine: { name: 'embedded' },
      load: { shape: 'closed', concurrency: 1, requests: 100, duration_s: null },
      phases: { baseline_s: 30, idle_s: 30, warmup: 'auto', window: 'auto' },
    })
  })

  it('takes a string for a model or an engine', () => {
    const [item] = parseStudy({ model: 'm', engine: 'embedded' }).items
    expect(item?.experiment.model.id).toBe('m')
  })

  it.each([
    [{ load: { conc: 1 } }, 'load.conc', 'is not a known key'],
    [{ engine: { name: 'x' } }, 'engine.name', 'is "x"; it must be one of embedded, openai'],
    [{ model: { id: 3 } }, 'model.id', 'is 3; it must be a text'],
    [{ data: { input_tokens: 0 } }, 'data.input_tokens', 'is 0; it must be at least 1'],
    [{ phases: { warmup: 'all' } }, 'phases.warmup', 'is "all"; it must be auto or a number'],
    [{ devices: [{}] }, 'devices.0', 'is {}; it must be a text or a number'],
    [{ load: { shape: 'poisson' } }, 'load.rate', 'needs a rate'],
    [{ load: { rate: 2 } }, 'load.rate', 'is for open shapes'],
    [{ engine: { name: 'openai' } }, 'engine.base_url', 'is missing; it must be a text'],
    [
      { engine: { name: 'openai', base_url: 'ftp://x' } },
      'engine.base_url',
      'is "ftp://x"; it must be an http or https address',
    ],
    [
      { engine: { name: 'openai', base_url: 'http://x/v1', launcher: 'command' } },
      'engine.command',
      'needs a command',
    ],
    [{ phases: { window: { from_s: 3, to_s: 1 } } }, 'phases.window.to_s', 'must be after from_s'],
    [{ sensors: { beside: ['smi'] } }, 'sensors.beside.0', 'must be one of zeus, codecarbon'],
    [{ power: { limit_w: 300 } }, 'power.limit_w', 'setting it is not in this version'],
    [{ sweep: { 'load.x': [1] } }, 'load.x', 'is not a known key'],
    [['a'], '', 'a configuration is a mapping'],
    ['text', '', 'is "text"; a configuration is a mapping'],
  ])('%j is refused at %s', (config, path, message) => {
    const [issue] = issuesOf(config)
    expect(issue?.path).toBe(path)
    expect(issue?.message).toContain(message)
  })

  it('never fails with anything but a ConfigError, whatever it is given', () => {
    const keys = fc.constantFrom(
      'model',
      'engine',
      'load',
      'data',
      'phases',
      'sweep',
      'repeat',
      'x',
    )
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue())), (config) => {
        try {
          parseStudy(config)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
          expect((error as ConfigError).issues.length).toBeGreaterThan(0)
        }
      }),
    )
  })
})

describe('a study', () => {
  it('is every combination of its sweep', () => {
    const study = parseStudy({
      sweep: { 'load.concurrency': [1, 4], 'data.output_tokens': [16, 32] },
    })
    const seen = study.items.map(({ experiment: e }) => [e.load.concurrency, e.data.output_tokens])
    expect(seen).toEqual([
      [1, 16],
      [1, 32],
      [4, 16],
      [4, 32],
    ])
  })

  it('repeats every experiment once a cycle, in an order that is the same each time', () => {
    const spec = { sweep: { 'load.concurrency': [1, 2, 3, 4] }, repeat: { cycles: 3 } }
    const order = () => parseStudy(spec).items.map((i) => i.experiment.load.concurrency)
    expect(order()).toEqual(order())
    for (const cycle of [0, 1, 2])
      expect(
        parseStudy(spec)
          .items.filter((i) => i.cycle === cycle)
          .map((i) => i.experiment.load.concurrency)
          .sort(),
      ).toEqual([1, 2, 3, 4])
  })

  it('runs two ways of writing one experiment once', () => {
    const study = parseStudy({ sweep: { model: ['a', { id: 'a' }] } })
    expect(study.items).toHaveLength(1)
  })
})

describe('the key of an experiment', () => {
  const key = (config: unknown) => experimentKey(experimentConfigSchema.parse(config))

  it('does not depend on names, tags or the address of the engine', () => {
    const engine = { name: 'openai', base_url: 'http://a/v1' }
    const other = { name: 'openai', base_url: 'http://b:81/v1' }
    expect(key({ engine, name: 'x', tags: { t: '1' } })).toBe(key({ engine: other }))
    expect(key({ data: { keep_answers: true } })).toBe(key({}))
  })

  it('differs when what is measured differs', () => {
    expect(key({ load: { concurrency: 2 } })).not.toBe(key({ load: { concurrency: 3 } }))
  })

  it('does not depend on the order in which keys were written', () => {
    expect(key({ load: { seed: 2, concurrency: 2 }, model: 'a' })).toBe(
      key({ model: 'a', load: { concurrency: 2, seed: 2 } }),
    )
  })
})

describe('setPath', () => {
  it('changes a copy and makes sections on the way', () => {
    const before = { model: 'a' }
    expect(setPath(before, 'model.path', 'x.gguf')).toEqual({ model: { id: 'a', path: 'x.gguf' } })
    expect(setPath(before, 'load.concurrency', 4)).toEqual({ model: 'a', load: { concurrency: 4 } })
    expect(before).toEqual({ model: 'a' })
  })

  it.each(['', 'a..b', '__proto__.x'])('refuses the path %j', (path) => {
    expect(() => setPath({}, path, 1)).toThrow(ConfigError)
  })
})
