import { describe, expect, it } from 'vitest'
import { resolvedExperiment } from '../../../analysis/readings/run-data.ts'
import { parseJson, toJson } from '../../../analysis/schema/json.ts'
import { experimentKey } from '../../../analysis/schema/key.ts'
import { runFileSchema } from '../../../analysis/schema/run.ts'
import { absoluteTime } from '../../../analysis/schema/time.ts'

const least = {
  bundle_version: 1,
  run: { run_id: 'r1', experiment: {}, phases: [] },
  devices: [],
  processes: [{ process_id: 'p1' }],
}

describe('run.json', () => {
  it('needs no more than version, run, devices and processes', () => {
    expect(runFileSchema.parse(least).run.run_id).toBe('r1')
  })

  it('takes a host by its name alone, a start without offset as UTC, an accuracy in words as none', () => {
    const run = { ...least.run, host: 'node-1', started_at: '2026-01-31T12:00:00.5' }
    const sensor = { sensor_id: 's', device_id: 'd', metric: 'm', source: 'plug', accuracy: '5 %' }
    expect(runFileSchema.parse({ ...least, run, sensors: [sensor] })).toMatchObject({
      run: { host: { hostname: 'node-1' }, started_at: '2026-01-31T12:00:00.5Z' },
      sensors: [{ accuracy: null }],
    })
    const told = { ...run, started_at: '2026-01-31T12:00:00+01:00' }
    expect(runFileSchema.parse({ ...least, run: told }).run.started_at).toBe(told.started_at)
    for (const bad of [{ host: 5 }, { started_at: 'yesterday' }])
      expect(runFileSchema.safeParse({ ...least, run: { ...run, ...bad } }).success).toBe(false)
  })

  it('fills in the defaults of every section that it can read', () => {
    const vllm = { model: 'x', engine: 'vllm', load: { concurrency: 4 } }
    expect(resolvedExperiment(vllm)).toMatchObject({
      model: { id: 'x', revision: null },
      engine: { name: 'vllm' },
      load: { shape: 'closed', concurrency: 4, requests: 100 },
      phases: { window: 'auto' },
    })
    const spelled = { ...vllm, engine: { name: 'vllm' }, load: { shape: 'closed', concurrency: 4 } }
    expect(experimentKey(resolvedExperiment(spelled))).toBe(experimentKey(resolvedExperiment(vllm)))
    const ramp = { model: 'x', load: { shape: 'ramp', rate: 5 } }
    expect(resolvedExperiment(ramp)).toMatchObject({
      load: ramp.load,
      engine: { name: 'embedded' },
    })
  })

  it('keeps wall times above 2^53 exact, as number and as string', () => {
    const clock = (wall: string) =>
      `{"process_id":"p1","clock":[{"t_ns":0,"wall_unix_ns":${wall}}]}`
    for (const wall of ['1795000000123456789', '"1795000000123456789"']) {
      const text = toJson({ ...least, processes: [] }).replace(
        '"processes":[]',
        `"processes":[${clock(wall)}]`,
      )
      const file = runFileSchema.parse(parseJson(text))
      expect(file.processes[0]?.clock?.[0]?.wall_unix_ns).toBe(1795000000123456789n)
    }
  })

  it.each([
    [{ bundle_version: 2 }, ['bundle_version']],
    [{ run: { ...least.run, run_id: '../etc' } }, ['run', 'run_id']],
    [{ processes: [] }, ['processes']],
    [
      { run: { ...least.run, phases: [{ phase: 'measure', start_t_ns: 2, end_t_ns: 1 }] } },
      ['run', 'phases', 0, 'end_t_ns'],
    ],
  ])('%j is refused', (change, path) => {
    const result = runFileSchema.safeParse({ ...least, ...change })
    expect(result.error?.issues[0]?.path).toEqual(path)
  })
})

describe('absoluteTime', () => {
  it('is a number while that is exact, else the whole bigint', () => {
    expect(absoluteTime(5, 0n)).toBe(5)
    expect(absoluteTime(5, 1795000000123456789n)).toBe(1795000000123456794n)
  })
})
