import { describe, expect, test } from 'vitest'
import { heldDown } from '../../../analysis/energy/violation-time.ts'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
import { summarise } from '../../../analysis/summary.ts'
import { GPU, power, readings, runOf, s } from '../../support/run-fixture.ts'

const FLAT = power({ from: -1, to: 61, every: 0.1, watts: () => 400 })
const bits = (value: number) =>
  power({ metric: 'gpu_throttle_reasons', from: -1, to: 61, every: 1, watts: () => value / 1000 })
const counter = (metric: string, ...values: [number, number][]) =>
  readings(
    metric,
    GPU,
    values.map(([t, seconds]) => [t, seconds * 1e9]),
  )
const found = (code: string, extra: readonly SampleRow[]) =>
  summarise(runOf({ samples: [...FLAT, ...extra] })).findings.find((f) => f.code === code)

describe('throttling by the count of the driver', () => {
  test('is seen where every look at the bits missed it', () => {
    // Read 0.1 s before the window and 0.1 s after it: of 1.5 s at least 1.3 s lie within.
    const rows = counter('gpu_thermal_violation_ns', [-0.1, 7], [60.1, 8.5])
    const finding = found('thermal_throttle', [...bits(0), ...rows])
    expect(finding?.severity).toBe('invalid')
    expect(finding?.message).toContain('for at least 1.30 s of the window')
    expect(finding?.evidence).toMatchObject({ readings: 0, seconds: 0, counted_s: 1.5 })
    expect(finding?.evidence['counted_within_s']).toBeCloseTo(1.3, 9)
  })

  test.each([
    ['gpu_hw_thermal_ns', 'thermal_throttle'],
    ['gpu_power_brake_ns', 'power_brake'],
  ])('%s counts for %s', (metric, code) => {
    expect(found(code, counter(metric, [0, 0], [60, 2]))?.severity).toBe('invalid')
  })

  test('that may lie outside of the window is only evidence', () => {
    // 2 s in a phase that is 10 s longer than the window.
    const rows = counter('gpu_thermal_violation_ns', [-5, 0], [65, 2])
    expect(found('thermal_throttle', rows)).toBeUndefined()
    expect(found('thermal_throttle', [...bits(0x20), ...rows])?.evidence).toMatchObject({
      counted_s: 2,
      counted_within_s: 0,
    })
  })

  test('shorter than the error of its readings is none', () => {
    expect(
      found('thermal_throttle', counter('gpu_hw_thermal_ns', [0, 0], [60, 0.04])),
    ).toBeUndefined()
  })

  test('for the sake of power stands beside the seconds of the cap, and is no fault', () => {
    const rows = counter('gpu_power_violation_ns', [0, 0], [60, 59])
    expect(found('sw_power_cap', rows)).toBeUndefined()
    const limit = power({
      ...{ metric: 'gpu_power_limit_mw', from: -1, to: 61, every: 1 },
      watts: () => 400,
    })
    expect(found('sw_power_cap', [...bits(0x4), ...limit, ...rows])?.evidence).toMatchObject({
      counted_s: 59,
    })
  })
})

describe('time held down', () => {
  const METRIC = 'gpu_thermal_violation_ns'
  const window = { start_ns: s(0), end_ns: s(60), rule: 'phase' }
  const of = (rows: readonly SampleRow[]) =>
    heldDown(runOf({ samples: [...FLAT, ...rows] }), GPU, METRIC, window)

  test('is what the counter gained between the readings around the window', () => {
    expect(of(counter(METRIC, [-30, 1], [-1, 2], [20, 3], [61, 7], [90, 50]))).toEqual({
      total_s: 5,
      within_s: 3, // 62 s between the readings, 60 s of window
    })
  })

  test('is unknown where readings do not bracket the window, or none is there', () => {
    expect(of(counter(METRIC, [1, 1], [61, 2]))).toBeNull()
    expect(of(counter(METRIC, [-1, 1], [59, 2]))).toBeNull()
    expect(of([])).toBeNull()
  })

  test('is unknown where the counter fell or began anew', () => {
    expect(of(counter(METRIC, [-1, 5], [30, 1], [61, 9]))).toBeNull()
    const anew: SampleRow = {
      ...{ t_ns: s(30), device_id: GPU, metric: METRIC, value: null, reason: 'counter_reset' },
    }
    expect(of([...counter(METRIC, [-1, 5], [61, 9]), anew])).toBeNull()
    // A reading that failed is none of that.
    expect(of([...counter(METRIC, [-1, 5], [61, 9]), { ...anew, reason: 'lost' }])).not.toBeNull()
  })
})

describe('a GPU counter', () => {
  const joules = (values: [number, number][], extra: readonly SampleRow[] = []) =>
    summarise(
      runOf({
        samples: [
          ...readings(
            'gpu_energy_mj',
            GPU,
            values.map(([t, j]) => [t, j * 1000]),
          ),
          ...extra,
        ],
      }),
    )
  const anew = (t: number): SampleRow => ({
    ...{
      t_ns: s(t),
      device_id: GPU,
      metric: 'gpu_energy_mj',
      value: null,
      reason: 'counter_reset',
    },
  })

  test('that began anew gives no energy, though it stands higher than before', () => {
    const values: [number, number][] = [
      [-0.1, 100],
      [30, 5000],
      [60.1, 9000],
    ]
    expect(joules(values).metrics['energy_gpu_j']?.value).toBeGreaterThan(0)
    const summary = joules(values, [anew(29.9)])
    expect(summary.metrics['energy_gpu_j']).toMatchObject({ value: null, reason: 'counter_reset' })
    expect(summary.findings.map((f) => f.code)).toContain('counter_reset')
  })

  test('that began anew before the window is whole again', () => {
    const values: [number, number][] = [
      [-2, 90_000],
      [-0.1, 100],
      [60.1, 9000],
    ]
    expect(joules(values, [anew(-0.2)]).metrics['energy_gpu_j']?.value).toBeGreaterThan(0)
  })

  test('that falls, or stands still, is told beside a source that stands', () => {
    const codes = (values: [number, number][]) =>
      joules(values, FLAT).findings.flatMap((f) =>
        f.code.startsWith('counter_') ? [[f.code, f.severity]] : [],
      )
    expect(
      codes([
        [-0.1, 9000],
        [30, 100],
        [60.1, 9000],
      ]),
    ).toEqual([['counter_reset', 'info']])
    expect(
      codes([
        [-0.1, 100],
        [30, 100],
        [60.1, 100],
      ]),
    ).toEqual([['counter_stalled', 'info']])
  })
})
