import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import { runEnergies } from '../../../analysis/energy/energy-scope.ts'
import { meaningOf, wattsOf } from '../../../analysis/estimators/energy-metric.ts'
import { seriesOf } from '../../../analysis/readings/sample-table.ts'
import { METRICS } from '../../../analysis/schema/metric.ts'
import { timeline } from '../../../analysis/timeline.ts'
import { GPU, GPU2, readings, runOf, s } from '../../support/run-fixture.ts'

const WINDOW = { start_ns: s(0), end_ns: s(10), rule: 'phase' } as const
const joules = (metric: string, values: readonly (readonly [number, number])[]) =>
  deviceEnergy(runOf({ samples: readings(metric, GPU, values) }), GPU, WINDOW).energy_j

describe('energy in the units of its source', () => {
  const watts = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 21, maxLength: 21 })

  it.each([
    ['gpu_power_mw', 1e3],
    ['gpu_power_uw', 1e6],
    ['gpu_power_w', 1],
  ])('is the same by %s', (metric, per_w) => {
    fc.assert(
      fc.property(watts, (power) => {
        const at = (per: number) =>
          power.map((w, i) => [-0.5 + i * 0.55, w * per] as [number, number])
        expect(joules(metric, at(per_w))).toBeCloseTo(joules('gpu_power_mw', at(1e3)) ?? -1, 6)
      }),
      { numRuns: 20 },
    )
  })

  it.each([
    ['gpu_energy_mj', 1e3],
    ['gpu_energy_uj', 1e6],
  ])('is 400 W × 10 s by %s', (metric, per_j) => {
    expect(
      joules(metric, [
        [0, 5 * per_j],
        [10, 4005 * per_j],
      ]),
    ).toBe(4000)
  })

  it('is null across a counter that fell back', () => {
    const run = runOf({
      samples: readings('gpu_energy_uj', GPU, [
        [0, 9e9],
        [10, 4e9],
      ]),
    })
    expect(deviceEnergy(run, GPU, WINDOW)).toMatchObject({
      energy_j: null,
      reason: 'counter_reset',
    })
  })

  it('has a unit that its name says, for each metric that tells any', () => {
    const suffixes = { W: '_w', mW: '_mw', uW: '_uw', mJ: '_mj', uJ: '_uj' } as const
    for (const [metric, { unit, kind }] of Object.entries(METRICS)) {
      const meaning = meaningOf(metric)
      if (meaning === undefined) continue
      expect(metric.endsWith(suffixes[unit as keyof typeof suffixes])).toBe(true)
      expect(meaning.method).toBe(kind === 'counter' ? 'counter' : 'poll')
    }
  })
})

describe('watts for drawing', () => {
  it('of a counter are the mean since the reading before, unknown at the first and after a fall', () => {
    const run = runOf({
      samples: readings('gpu_energy_uj', GPU, [
        [0, 1e6],
        [2, 601e6],
        [3, 5e6],
        [4, 205e6],
      ]),
    })
    const [series] = seriesOf(run.samples)
    expect(series && [...(wattsOf(series) ?? [])]).toEqual([Number.NaN, 300, Number.NaN, 200])
  })

  it('draw the power of an AMD GPU before its counter', () => {
    const run = runOf({
      samples: [
        ...readings('gpu_energy_uj', GPU, [
          [0, 1],
          [9, 2],
        ]),
        ...readings('gpu_power_w', GPU, [
          [0, 290],
          [9, 310],
        ]),
      ],
    })
    expect(timeline(run, 10).power).toMatchObject([{ device_id: GPU, power_w: [290, 310] }])
  })
})

describe('two dies of one sensor', () => {
  const devices = [
    { device_id: GPU, kind: 'gpu' },
    { device_id: GPU2, kind: 'gpu_instance', parent_device_id: GPU },
  ]
  const samples = readings(
    'gpu_power_w',
    GPU,
    [-1, 1, 3, 5, 7, 9, 11].map((t) => [t, 400] as const),
  )
  it.each([[[GPU]], [[GPU2]], [[GPU, GPU2]]])('used as %j are counted once', (device_ids) => {
    const run = runOf({ devices, processes: [{ process_id: 'p1', device_ids }], samples })
    expect(runEnergies(run, WINDOW).gpu).toMatchObject({ energy_j: 4000, reason: null })
  })
})
