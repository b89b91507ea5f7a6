import { describe, expect, test } from 'vitest'
import { trapezoid } from '../../../analysis/energy/energy-trapezoid.ts'
import { counterEnergy } from '../../../analysis/estimators/energy-counter.ts'
import type { EnergySource } from '../../../analysis/estimators/energy-source.ts'
import { integrate, wattsAt } from '../../../analysis/estimators/power-curve.ts'
import { pollCurve } from '../../../analysis/estimators/power-poll.ts'
import { ringCurve } from '../../../analysis/estimators/power-ring.ts'
import { s } from '../../support/run-fixture.ts'

const at = (...seconds: number[]) => Float64Array.from(seconds, s)
const w = (...watts: number[]) => Float64Array.from(watts)

describe('trapezoid, the primitive', () => {
  test('is the mean watts times the gap', () => {
    // (100 + 200) / 2 x 1 + (200 + 200) / 2 x 2 = 150 + 400
    expect(trapezoid(at(0, 1, 3), w(100, 200, 200))).toEqual({ energy_j: 550, covered_s: 3 })
  })
  test('skips pairs with a failed reading and says what it covers', () => {
    expect(trapezoid(at(0, 1, 2), w(50, Number.NaN, 70))).toEqual({ energy_j: 0, covered_s: 0 })
  })
  test('refuses times that fall, by index', () => {
    expect(() => trapezoid(at(0, 2, 1), w(1, 1, 1))).toThrow(/index 2/)
  })
})

describe('the window estimator over polls', () => {
  test('bridges a failed reading: 50 W, null, 70 W over 2 s are 120 J', () => {
    const curve = pollCurve(at(0, 1, 2), w(50, Number.NaN, 70), s(1))
    // (50 + 70) / 2 x 2
    expect(integrate(curve, 0, s(2))).toMatchObject({ energy_j: 120, covered_s: 0, bridged_s: 2 })
  })
  test('interpolates power at the bounds', () => {
    const curve = pollCurve(at(0, 2, 4), w(100, 200, 400), s(2))
    // At 1 s 150 W, at 3 s 300 W: (150 + 200) / 2 + (200 + 300) / 2
    expect(integrate(curve, s(1), s(3))).toMatchObject({ energy_j: 425, bracketed: true })
    expect(wattsAt(curve, s(3))).toBe(300)
  })
  test('draws nothing over a hole of more than 3 s', () => {
    const curve = pollCurve(at(0, 1, 4.5, 5.5), w(100, 100, 100, 100), s(1))
    expect(integrate(curve, 0, s(5.5))).toMatchObject({ energy_j: 200, covered_s: 2, gap_s: 3.5 })
    expect(integrate(pollCurve(at(0, 1, 4), w(9, 9, 9), s(1)), 0, s(4)).gap_s).toBe(0)
  })
  test('does not reach past its first and last reading', () => {
    const curve = pollCurve(at(1, 2), w(100, 100), s(1))
    expect(integrate(curve, s(0.5), s(2)).bracketed).toBe(false)
    expect(integrate(curve, s(1), s(2.5)).bracketed).toBe(false)
    expect(integrate(curve, s(1), s(2)).bracketed).toBe(true)
  })
})

describe('the ring', () => {
  test('holds each sample over the time before it, never as a ramp', () => {
    const curve = ringCurve(at(0.02, 0.04, 0.06), w(100, 500, 300), s(0.02), s(0.06))
    // (100 + 500 + 300) x 0.02 s
    expect(integrate(curve, 0, s(0.06)).energy_j).toBeCloseTo(18, 9)
    // Clipped: 500 W for the last 10 ms of its period, 300 W for the first 10 ms of its own: 5 + 3
    expect(integrate(curve, s(0.03), s(0.05)).energy_j).toBeCloseTo(8, 9)
  })
  test('takes its time from the sample before, up to three periods', () => {
    const curve = ringCurve(at(0.02, 0.07), w(100, 200), s(0.02), s(0.06))
    // 100 x 0.02 + 200 x 0.05
    expect(integrate(curve, 0, s(0.07))).toMatchObject({ bridged_s: 0 })
    expect(integrate(curve, 0, s(0.07)).energy_j).toBeCloseTo(12, 9)
  })
  test('bridges a longer hole and holds only its own period after it', () => {
    const curve = ringCurve(at(0.02, 1.04), w(100, 300), s(0.02), s(0.06))
    // 100 x 0.02, a straight line from 100 to 300 W over 1 s, 300 x 0.02
    const found = integrate(curve, 0, s(1.04))
    expect(found.energy_j).toBeCloseTo(2 + 200 + 6, 9)
    expect(found.bridged_s).toBeCloseTo(1, 9)
  })
  test('loses a hole of more than 3 s', () => {
    const curve = ringCurve(at(0.02, 5), w(100, 300), s(0.02), s(0.06))
    expect(integrate(curve, 0, s(5)).gap_s).toBeCloseTo(4.96, 9)
  })
  test('counts a sample that came twice once', () => {
    const curve = ringCurve(at(0.02, 0.02, 0.04), w(100, 100, 100), s(0.02), s(0.06))
    expect(integrate(curve, 0, s(0.04)).energy_j).toBeCloseTo(4, 9)
  })
})

describe('the counter', () => {
  const counter = (more: Partial<EnergySource> = {}): EnergySource => ({
    device_id: 'd',
    source: 'nvml_energy',
    scope: 'gpu',
    method: 'counter',
    measured: true,
    t_ns: at(),
    value: w(),
    factor: 1e-3,
    period_ns: s(0.1),
    shift_ns: 0,
    lag_ns: 0,
    range: null,
    max_w: null,
    gain_rel: 0.05,
    offset_w: 5,
    duty: null,
    calibration: null,
    calibrated: false,
    failure: null,
    ...more,
  })
  const energy = (
    t: number[],
    v: number[],
    from: number,
    to: number,
    more: Partial<EnergySource> = {},
    power: Parameters<typeof counterEnergy>[4] = null,
  ) => counterEnergy(counter(more), { t_ns: at(...t), value: w(...v) }, s(from), s(to), power)

  test('is the last reading less the first', () => {
    expect(energy([0, 60], [5_000_000, 29_000_000], 0, 60).energy_j).toBe(24_000)
  })
  test('goes from its reading to the bound by the power of another source', () => {
    const seconds = Array.from({ length: 73 }, (_, i) => i - 2)
    const power = pollCurve(at(...seconds), w(...seconds.map(() => 300)), s(1))
    // Read at 0.5 s and 59.5 s: 24 000 J between, 300 W x 0.5 s at each end
    expect(
      energy([-2, 0.5, 59.5, 62], [0, 1e6, 25e6, 26e6], 0, 60, {}, power).energy_j,
    ).toBeCloseTo(24_300, 6)
  })
  test('is not spread over a window chosen later', () => {
    expect(energy([0, 60], [0, 24e6], 20, 40)).toMatchObject({
      energy_j: null,
      reason: 'window_not_bracketed',
    })
  })
  test('that falls is reset, never wrapped, on a GPU', () => {
    expect(energy([0, 30, 60], [9e6, 1e6, 2e6], 0, 60).reason).toBe('counter_reset')
  })
  test('of a CPU wraps at its declared range', () => {
    // 262 143 000 000 - 262 142 000 000 + 9 000 000 = 10 000 000 uJ
    const rapl = { factor: 1e-6, range: 262_143_000_000, period_ns: s(0.001) }
    expect(energy([0, 1], [262_142_000_000, 9_000_000], 0, 1, rapl).energy_j).toBe(10)
  })
  test('of a CPU is reset where a wrap would mean over 2 kW', () => {
    const rapl = { factor: 1e-6, range: 262_143_000_000, period_ns: s(0.001) }
    expect(energy([0, 1], [200_000_000_000, 5_000_000], 0, 1, rapl).reason).toBe('counter_reset')
  })
  test('that stands still for 20 refreshes has stalled', () => {
    expect(energy([0, 10, 12, 20], [0, 5e6, 5e6, 9e6], 0, 20).reason).toBe('stale')
    expect(energy([0, 10, 11.9, 20], [0, 5e6, 5e6, 9e6], 0, 20).reason).toBe(null)
  })
})
