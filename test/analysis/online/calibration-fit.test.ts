import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type FitHow,
  fitCalibration,
  type Measured,
} from '../../../analysis/online/calibration-fit.ts'
import { calibrationSchema } from '../../../analysis/schema/calibration.ts'
import { GPU } from '../../support/run-fixture.ts'

const HOW: FitHow = {
  device_id: GPU,
  driver_version: '580.1',
  source: 'nvml_power_ring',
  meter: 'plug',
  measured_at: '2026-06-01T12:00:00.000Z',
  sees: 'node',
  psu_efficiency: 1,
  psu_efficiency_u: 0,
}
const LEVELS = [0, 0.25, 0.5, 0.75, 1, 0]
/** Steps of a device that truly draws `truth(level)`, read and metered as the functions say. */
const steps = (
  read: (level: number, i: number) => number,
  meter: (level: number, i: number) => number,
  u: { read?: number; meter?: number; others?: (level: number) => number } = {},
  levels = LEVELS,
): Measured[] =>
  levels.map((level, i) => ({
    step: { level, start_t_ns: i * 30e9, end_t_ns: i * 30e9 + 20e9 },
    read: { watts: read(level, i), u_w: u.read ?? 0.1 },
    meter: { watts: meter(level, i), u_w: u.meter ?? 0.5 },
    others: { watts: u.others?.(level) ?? 0, u_w: 0 },
  }))
const truth = (level: number) => 100 + 300 * level

describe('a calibration by steps of load', () => {
  test('of a node keeps idle as it is read and takes the gain from what changes', () => {
    // The sensor reads 4 % low: true = read / 0.96. Supply 0.9, the rest of the node 200 W.
    const found = fitCalibration(
      steps(
        (l) => 0.96 * truth(l),
        (l) => (truth(l) + 200) / 0.9,
      ),
      { ...HOW, psu_efficiency: 0.9, psu_efficiency_u: 0.018, stated_w: 5, stated_rel: 0.05 },
    )
    const c = calibrationSchema.parse(found.calibration)
    expect(c.gain).toBeCloseTo(1 / 0.96, 9)
    // Idle is read as 96 W and stays: 96 x gain + offset = 96
    expect(c.offset_w).toBeCloseTo(96 * (1 - 1 / 0.96), 9)
    const supply = found.parts.find((p) => p.name === 'u_supply')
    // 0.018 / 0.9 = 2 % of the gain
    expect(supply?.value).toBeCloseTo(0.02 / 0.96, 9)
    expect(c.gain_u).toBeCloseTo(Math.hypot(...found.parts.map((p) => p.value)), 12)
    expect(c.offset_u_w).toBeCloseTo(Math.hypot(5 / Math.sqrt(3), 96 * c.gain_u), 9)
    expect(c.covariance).toBeCloseTo(-96 * c.gain_u ** 2, 12)
    expect(c).toMatchObject({ sees: 'node', psu_efficiency: 0.9, n: 6, driver_version: '580.1' })
    expect(c.range_w).toEqual([96, 384])
    for (const s of found.steps) expect(s.residual_w).toBeCloseTo(0, 9)
  })

  test('of the device alone tells gain and offset', () => {
    // read = (true - 3) / 1.02
    const found = fitCalibration(
      steps((l) => (truth(l) - 3) / 1.02, truth, { read: 0, meter: 0.5 }, [0, 0.5, 1]),
      { ...HOW, sees: 'device', error_rel: 0.01 },
    )
    const c = calibrationSchema.parse(found.calibration)
    expect(c.gain).toBeCloseTo(1.02, 9)
    expect(c.offset_w).toBeCloseTo(3, 7)
    // x is 95.098, 242.157 and 389.216: u of the slope 0.5 / root(2 x 147.0588^2) = 0.0024042
    const u_fit = 0.5 / Math.sqrt(2 * (150 / 1.02) ** 2)
    // and of the meter's 1 %, evenly spread, 0.57735 % of the gain
    expect(c.gain_u).toBeCloseTo(Math.hypot(u_fit, (1.02 * 0.01) / Math.sqrt(3)), 9)
    const x = (250 - 3) / 1.02
    const u_a = Math.hypot(0.5 / Math.sqrt(3), x * u_fit)
    expect(c.offset_u_w).toBeCloseTo(Math.hypot(u_a, (3 * 0.01) / Math.sqrt(3)), 7)
    expect(c.covariance).toBeCloseTo(-x * u_fit ** 2 + (1.02 * 3 * 0.01 ** 2) / 3, 9)
  })

  test('takes away what other parts drew more', () => {
    const others = (l: number) => 30 + 40 * l
    const found = fitCalibration(
      steps(truth, (l) => truth(l) + others(l) + 200, { others }),
      { ...HOW, others_error_rel: 0.05 },
    )
    expect(found.calibration?.gain).toBeCloseTo(1, 9)
    // 40 W of 300 W, each known to 5 % / root 3
    expect(found.parts.find((p) => p.name === 'u_others')?.value).toBeCloseTo(
      ((40 / 300) * 0.05) / Math.sqrt(3),
      9,
    )
  })

  test('that scatters more than it may is less certain', () => {
    const bent = steps(truth, (l, i) => truth(l) + (i % 2 === 0 ? 4 : -4), {}, [0, 0.3, 0.6, 1])
    const found = fitCalibration(bent, HOW)
    expect(found.chi_square_reduced).toBeGreaterThan(10)
    const still = fitCalibration(steps(truth, truth, {}, [0, 0.3, 0.6, 1]), HOW)
    expect(found.calibration?.gain_u).toBeCloseTo(
      (still.calibration?.gain_u ?? 0) * Math.sqrt(found.chi_square_reduced ?? 0),
      4,
    )
  })

  test.each([
    ['too_few_steps', steps(truth, truth, {}, [0, 1]), {}],
    ['span_too_small', steps((l) => 100 + 8 * l, truth), {}],
    ['meter_too_coarse', steps(truth, truth), { resolution_w: 20 }],
    ['meter_drifted', steps(truth, (l, i) => truth(l) + (i === 5 ? 40 : 0)), {}],
    ['implausible_gain', steps(truth, () => 500), {}],
    ['too_uncertain', steps(truth, truth, { meter: 60 }), {}],
    ['no_sharper', steps(truth, truth), { stated_rel: 0.05, error_rel: 0.08 }],
  ] as const)('is refused where it can’t be told: %s', (refusal, measured, more) => {
    const found = fitCalibration(measured, { ...HOW, ...more })
    expect(found).toMatchObject({ refusal, calibration: null })
    expect(found.why).toMatch(/^[A-Za-z0-9].*\.$/)
  })

  test('holds the true gain within two standard uncertainties in 95 % of all cases', () => {
    const random = lcg(11)
    const noise = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const truths = fc.sample(
      fc.tuple(
        fc.double({ min: 0.9, max: 1.1, noNaN: true }),
        fc.double({ min: 0, max: 0.15, noNaN: true }),
      ),
      { numRuns: 1000, seed: 3 },
    )
    let held = 0
    let offsetHeld = 0
    for (const [gain, bow] of truths) {
      const offset = 20 * bow
      const found = fitCalibration(
        steps(
          (l) => (truth(l) - offset) / gain + 0.6 * noise(),
          (l) => truth(l) + 1.5 * noise(),
          { read: 0.6, meter: 1.5 },
        ),
        { ...HOW, sees: 'device' },
      ).calibration
      if (found === null) continue
      if (Math.abs(found.gain - gain) <= 2 * found.gain_u) held++
      if (Math.abs(found.offset_w - offset) <= 2 * found.offset_u_w) offsetHeld++
    }
    expect(held / truths.length).toBeGreaterThan(0.94)
    expect(held / truths.length).toBeLessThan(0.995)
    expect(offsetHeld / truths.length).toBeGreaterThan(0.94)
  })
})

/** Numbers in [0, 1), the same every time. */
function lcg(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
