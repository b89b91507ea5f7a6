import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import { energySources } from '../../../analysis/estimators/energy-source.ts'
import { mergedByCoverage } from '../../../analysis/estimators/merge-series.ts'
import { decodeRun } from '../../../analysis/readings/decode-run.ts'
import type { Series } from '../../../analysis/readings/sample-table.ts'
import { chunksOf, GPU, power, ring, runFile, runOf, s } from '../../support/run-fixture.ts'

const PERIOD = 20
const RING = { period_ns: PERIOD, longest_ns: 3 * PERIOD }
const series = (sensor_id: string, rows: readonly (readonly [number, number])[]): Series => ({
  device_id: GPU,
  sensor_id,
  metric: 'gpu_power_mw',
  t_ns: Float64Array.from(rows, ([t]) => t),
  value: Float64Array.from(rows, ([, v]) => v),
  failure: null,
})
const rowsOf = (x: Series) => Array.from(x.t_ns, (t, i) => [t, x.value[i]])
const NAN = Number.NaN

describe('recordings of one source', () => {
  test('are the one that covers most, with its hole filled from the other', () => {
    // a covers 20 + 20 + 20 (behind the hole) + 20 + 20, b 20 + 20 + 20
    const a = series('a', [
      [20, 1],
      [40, 1],
      [140, 1],
      [160, 1],
      [180, 1],
    ])
    const b = series('b', [
      [90, 2],
      [110, 2],
      [130, 2],
    ])
    const merged = mergedByCoverage([b, a], RING)
    expect(rowsOf(merged)).toEqual([
      [20, 1],
      [40, 1],
      [90, 2],
      [110, 2],
      [130, 2],
      [140, 1],
      [160, 1],
      [180, 1],
    ])
  })
  test('reach as far as any of them', () => {
    const a = series('a', [
      [20, 1],
      [40, 1],
      [60, 1],
    ])
    const b = series('b', [
      [10, 2],
      [30, 2],
    ])
    const c = series('c', [[75, 3]])
    expect(rowsOf(mergedByCoverage([c, b, a], RING)).map(([t]) => t)).toEqual([10, 20, 40, 60, 75])
  })
  test('lose their failed readings where another has good ones, and keep them where none has', () => {
    const a = series('a', [
      [20, 1],
      [40, NAN],
      [60, NAN],
      [80, NAN],
      [100, 1],
      [120, 1],
      [140, NAN],
      [160, 1],
    ])
    const b = series('b', [
      [55, 2],
      [75, NAN],
    ])
    expect(rowsOf(mergedByCoverage([a, b], RING))).toEqual([
      [20, 1],
      [55, 2],
      [100, 1],
      [120, 1],
      [140, NAN],
      [160, 1],
    ])
  })
  test('of unlike rates are the denser one: the other has holes at its scale', () => {
    const each = (id: string, every: number) =>
      series(
        id,
        Array.from({ length: 1200 / every + 1 }, (_, i): [number, number] => [i * every, every]),
      )
    const merged = mergedByCoverage([each('a', 600), each('b', 100)], {
      period_ns: 0,
      longest_ns: 300,
    })
    expect(new Set(merged.value)).toEqual(new Set([100]))
  })
})

describe('a run that two processes recorded', () => {
  const sensors = [{ ...ring(GPU), sensor_id: 'a' }]
  const ramp = (shift: number) =>
    power({
      sensor_id: 'a',
      from: -0.2 + shift,
      to: 10.2,
      every: 0.02,
      // The mean of the 20 ms before it, of 100 W/s
      watts: (t) => 200 + 100 * (t - 0.01),
    })
  const fixture = { sensors, phases: { measure: [0, 10] as const } }
  const window = { start_ns: s(0), end_ns: s(10), rule: 'phase' }
  const two = (shift: number) => {
    const chunks = [
      ...chunksOf({ samples: ramp(0) }),
      ...chunksOf({ samples: ramp(shift) }).map((c) => ({ ...c, process_id: 'p2' })),
    ]
    const processes = [{ process_id: 'p1' }, { process_id: 'p2' }]
    return decodeRun(runFile({ ...fixture, processes }), chunks)
  }

  test('has the energy of the better one, though both name one sensor', () => {
    const one = runOf({ ...fixture, samples: ramp(0) })
    const alone = deviceEnergy(one, GPU, window).energy_j
    // 200 x 10 + 100 x 10^2 / 2
    expect(alone).toBeCloseTo(7000, 6)
    for (const shift of [0, 0.007, 0.013])
      expect(deviceEnergy(two(shift), GPU, window).energy_j).toBe(alone)
    expect(energySources(two(0.007), GPU)).toHaveLength(1)
  })
})

describe('laws', () => {
  /** Steps of one or a few periods between readings, one in twenty of them failed. */
  const rows = fc
    .array(
      fc.record({
        step: fc.constantFrom(20, 20, 20, 20, 40, 60, 90, 200),
        value: fc.oneof({ weight: 19, arbitrary: fc.nat(700) }, fc.constant(NAN)),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((steps) => {
      let t = 0
      return steps.map(({ step, value }): [number, number] => {
        t += step
        return [t, value]
      })
    })

  test('a stream merged with itself is itself', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const merged = mergedByCoverage([series('a', list), series('b', list)], RING)
        expect(rowsOf(merged)).toEqual(list)
      }),
    )
  })
  test('the order of the recordings does not show', () => {
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        const all = [series('a', a), series('b', b), series('c', c)]
        const merged = rowsOf(mergedByCoverage(all, RING))
        expect(rowsOf(mergedByCoverage([...all].reverse(), RING))).toEqual(merged)
        const times = merged.map(([t]) => t as number)
        expect(times).toEqual([...times].sort((x, y) => x - y))
      }),
    )
  })
  test('no good reading of the one that covers most is lost, and no time is covered twice', () => {
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const good = (list: [number, number][]) => list.filter(([, v]) => Number.isFinite(v))
        const merged = rowsOf(mergedByCoverage([series('a', a), series('b', b)], RING))
        const holds = (list: [number, number][]) =>
          good(list).every(([t]) => merged.some(([x]) => x === t))
        expect(holds(a) || holds(b)).toBe(true)
        const times = merged.map(([t]) => t)
        expect(new Set(times).size).toBe(times.length)
      }),
    )
  })
  test('a shifted copy changes energy by less than one reading carries', () => {
    const watts = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 60, maxLength: 60 })
    fc.assert(
      fc.property(watts, fc.integer({ min: 1, max: 19 }), (values, shift_ms) => {
        const copy = (sensor_id: string, late_s: number) =>
          values.map((w, i) => ({
            t_ns: s(0.02 * (i + 1) + late_s),
            device_id: GPU,
            sensor_id,
            metric: 'gpu_power_mw',
            value: w * 1000,
          }))
        const energy = (ids: readonly string[], late: readonly number[]) =>
          deviceEnergy(
            runOf({
              sensors: ids.map((sensor_id) => ({ ...ring(GPU), sensor_id })),
              samples: ids.flatMap((id, i) => copy(id, late[i] as number)),
            }),
            GPU,
            { start_ns: s(0.2), end_ns: s(1), rule: 'phase' },
          ).energy_j as number
        const alone = energy(['a'], [0])
        for (const ids of [
          ['a', 'b'],
          ['b', 'a'],
        ])
          expect(Math.abs(energy(ids, [0, shift_ms / 1000]) - alone)).toBeLessThanOrEqual(
            0.02 * Math.max(...values),
          )
      }),
      { numRuns: 40 },
    )
  })
})
