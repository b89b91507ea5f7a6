import { describe, expect, test } from 'vitest'
import { calibratedAccuracy, leastBound, wattsNow } from '../../../agent/doctor/bound.ts'
import type { Calibration } from '../../../analysis/schema/calibration.ts'
import type { DoctorSource } from '../../../analysis/schema/doctor.ts'

const source = (more: Partial<DoctorSource>): DoctorSource => ({
  ...{ sensor_id: 's', source: 'nvml_power_ring', metric: 'gpu_power_mw', scope: 'gpu' },
  ...{ unit: 'mW', energy: true, measured: true, value: 60_000, reason: null, fault: null },
  ...{ changes: 0, period_ms: null, period_by: 'changes', step: null, stated_period_ms: null },
  ...{ averaging_ms: null, duty: null, call: { n: 1, median_us: 1, p99_us: 1 } },
  accuracy: { gain_rel: 0.05, offset_w: 5, basis: 'vendor' },
  ...more,
})
const limit = source({ metric: 'gpu_power_limit_mw', value: 700_000 })
const counter = source({ source: 'nvml_energy', metric: 'gpu_energy_mj', unit: 'mJ', value: 9e9 })

describe('the power now', () => {
  test('of a counter is what another source of the device tells, and no limit', () => {
    expect(wattsNow(counter, [counter, limit, source({})])).toBe(60)
    expect(wattsNow(counter, [counter, limit])).toBeNull()
  })
})

describe('the bound in watts', () => {
  test('is told where it is more than the share of the power now', () => {
    // 5 % of 60 W are 3 W, of 99 W 4.95 W, and of 100 W 5 W
    expect(leastBound(source({}), [])).toBe(5)
    expect(leastBound(source({ value: 99_000 }), [])).toBe(5)
    expect(leastBound(source({ value: 100_000 }), [])).toBeNull()
  })
  test('of a counter goes by the power of its device, and is told where nothing tells that', () => {
    expect(leastBound(counter, [counter, source({})])).toBe(5)
    expect(leastBound(counter, [counter, source({ value: 300_000 })])).toBeNull()
    expect(leastBound(counter, [counter])).toBe(5)
  })
  test('is none where no watts are stated', () => {
    expect(leastBound(source({ accuracy: { gain_rel: 0.05, basis: 'published' } }), [])).toBeNull()
  })
})

describe('a calibrated source', () => {
  const calibration: Calibration = {
    ...{ device_id: 'd', driver_version: null, source: 'nvml_energy', meter: 'm' },
    ...{ gain: 1, gain_u: 0.003, offset_w: 0, offset_u_w: 0.4, covariance: 0 },
    ...{ measured_at: '2026-01-01T00:00:00.000Z', range_w: [50, 150] },
  }
  test('is bound by twice what the calibration leaves open at the power now', () => {
    // at 100 W: 0.003 × 100 = 0.3 W and 0.4 W make 0.5 W, twice that is 1 % of 100 W
    expect(calibratedAccuracy(calibration, 100)?.gain_rel).toBeCloseTo(0.01, 9)
    expect(calibratedAccuracy(calibration, 100)?.basis).toBe('measured')
    // at 400 W: 1.2 and 0.4 W make 1.265 W
    expect(calibratedAccuracy(calibration, 400)?.gain_rel).toBeCloseTo(0.006325, 6)
  })
  test('without a power now is judged in the middle of what was calibrated', () => {
    expect(calibratedAccuracy(calibration, null)?.gain_rel).toBeCloseTo(0.01, 9)
  })
})
