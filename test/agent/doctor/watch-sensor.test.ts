import { describe, expect, test } from 'vitest'
import { isCounter, watchSensor } from '../../../agent/doctor/watch-sensor.ts'
import type { Cadence, Sensor } from '../../../agent/sensors/sensor.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'

const row = (t_ms: number, value: number | null): SampleRow => ({
  t_ns: t_ms * 1e6,
  device_id: 'd',
  metric: 'gpu_power_mw',
  value,
  reason: value === null ? 'lost' : null,
})

/** A sensor that answers with one batch a call, and a clock that passes 5 µs a look. */
function watched(
  answers: readonly (() => readonly SampleRow[] | Promise<readonly SampleRow[]>)[],
  cadence: Cadence = 'gauge',
) {
  let call = 0
  let now = 0n
  const sensor: Sensor = {
    row: { sensor_id: 's', device_id: 'd', metric: 'gpu_power_mw', source: 'nvml' },
    cadence,
    read: () => answers[call++]?.() ?? [],
  }
  return watchSensor(sensor, () => {
    now += 5_000n
    return now
  })
}

/**
 * What is read of a value that grows by 1 each `period_ms`, by calls at these times that cost nothing.
 */
function grown(period_ms: number, at_ms: readonly number[]) {
  let now_ms = 0
  const sensor: Sensor = {
    row: { sensor_id: 's', device_id: 'd', metric: 'cpu_energy_uj', source: 'rapl' },
    cadence: 'ring',
    read: () => [row(now_ms, Math.floor(now_ms / period_ms))],
  }
  const watch = watchSensor(sensor, () => BigInt(Math.round(now_ms * 1e6)))
  for (now_ms of at_ms) void watch.read()
  return watch.result()
}
const every = (ms: number, from_ms: number, to_ms: number) =>
  Array.from({ length: Math.round((to_ms - from_ms) / ms) }, (_, i) => from_ms + i * ms)

const values = (list: readonly (number | null)[], every_ms = 10) =>
  list.map((value, i) => () => [row(i * every_ms, value)])

function readAll(answers: Parameters<typeof watched>[0]) {
  const watch = watched(answers)
  for (const _ of answers) void watch.read()
  return watch.result()
}

describe('what reading a sensor again and again shows', () => {
  test('its period is the median time between changes of its value', () => {
    // read each 10 ms; changes at 20, 40, 70, 90 ms: 20, 30 and 20 ms apart
    expect(readAll(values([1, 1, 2, 2, 3, 3, 3, 4, 4, 5]))).toMatchObject({
      ...{ changes: 4, period_ms: 20, period_by: 'changes', step: 1, fault: null },
    })
  })

  test('its step is the smallest change', () => {
    expect(readAll(values([10, 14, 11.5, 11.5, 20])).step).toBe(2.5)
  })

  test('its period is the median time between stamps where one call brings several', () => {
    // 20 ms apart, of equal values
    const batch = (from: number) => () => [0, 1, 2].map((i) => row(from + 20 * i, 300))
    expect(readAll([batch(0), batch(60), batch(120)])).toMatchObject({
      ...{ changes: 0, period_ms: 20, period_by: 'stamps', step: null },
    })
  })

  test('a value that changes once or twice tells no period', () => {
    expect(readAll(values([1, 1, 2, 3]))).toMatchObject({ changes: 2, period_ms: null, step: 1 })
  })

  test('a value that never changes has neither period nor step', () => {
    expect(readAll(values([7, 7, 7]))).toMatchObject({ changes: 0, period_ms: null, step: null })
  })

  test('of ever so many readings the latest are kept, and all are counted', () => {
    // 300,000 changes of 2, and one of 1 at the very first; as many gaps of 10 ms
    const list = Array.from({ length: 300_000 }, (_, i) => 2 * i)
    expect(readAll(values([1, 2, ...list.map((v) => v + 4)]))).toMatchObject({
      ...{ changes: 300_001, period_ms: 10, step: 1, fault: null, call: { n: 300_002 } },
    })
  })

  test.each([1, 2, 20, 50])(
    'a counter of %d ms is told by what was dense, not by how often it was read',
    (p) => {
      // 30 ms without a pause, then two seconds of a reading each 1.1 ms
      const { period_ms } = grown(p, [...every(0.01, 0, 30), ...every(1.1, 30, 2030)])
      expect(Math.abs((period_ms as number) / p - 1)).toBeLessThan(0.15)
    },
  )

  test('a value that each reading finds changed tells no period: it would be that of the readings', () => {
    expect(grown(1, every(25, 0, 2000))).toMatchObject({ changes: 79, period_ms: null })
    // 30 ms read each 25 ms: mostly changed
    expect(grown(30, every(25, 0, 2000)).period_ms).toBeNull()
  })

  test('readings twice as close as the changes tell the period', () => {
    expect(grown(100, every(50, 0, 2000)).period_ms).toBe(100)
  })

  test('a failed reading is no change', () => {
    expect(readAll(values([7, null, 7, null]))).toMatchObject({
      ...{ changes: 0, last: { value: null, reason: 'lost' } },
    })
  })

  test('a call costs what passed while it was under way', () => {
    // the clock passes 5 µs between the looks before and after
    expect(readAll(values([1, 2, 3])).call).toEqual({ n: 3, median_us: 5, p99_us: 5 })
  })

  test('an answer that comes later is taken when it has come', async () => {
    const watch = watched(
      [1, 2, 3, 4].map((v) => () => Promise.resolve([row(v * 100, v)])),
      'edge',
    )
    for (let i = 0; i < 4; i++) await watch.read()
    expect(watch.result()).toMatchObject({ changes: 3, period_ms: 100, call: { n: 4 } })
  })

  test.each([
    [
      'at once',
      () => {
        throw new Error('no such field')
      },
    ],
    ['later', () => Promise.reject(new Error('no such field'))],
    [
      'while its answer is looked at',
      () =>
        Promise.resolve([
          {
            ...row(10, 3),
            get value(): number {
              throw new Error('no such field')
            },
          },
        ]),
    ],
  ])('one that throws %s is told and left alone', async (_, broken) => {
    let calls = 0
    const watch = watched([
      () => [row(0, 1)],
      broken,
      () => {
        calls++
        return [row(20, 2)]
      },
    ])
    for (let i = 0; i < 3; i++) await watch.read()
    expect(watch.result()).toMatchObject({ fault: 'no such field', last: { value: 1 } })
    expect(calls).toBe(0)
  })
})

test('counters are those whose readings only grow', () => {
  const of = (metric: string): Sensor => ({
    ...{ row: { sensor_id: 's', device_id: 'd', metric, source: 'x' }, cadence: 'gauge' },
    read: () => [],
  })
  expect(['cpu_energy_uj', 'gpu_power_mw', 'unheard_of'].map((m) => isCounter(of(m)))).toEqual([
    true,
    false,
    false,
  ])
})
