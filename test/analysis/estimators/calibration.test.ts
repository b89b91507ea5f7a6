import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  calibrated,
  calibrationDoubt,
  calibrationFor,
  uncalibrated,
  unusedCalibrations,
} from '../../../analysis/estimators/calibration.ts'
import { repeatable, standard } from '../../../analysis/estimators/uncertainty.ts'
import { type Calibration, calibrationSchema } from '../../../analysis/schema/calibration.ts'
import { summarise } from '../../../analysis/summary.ts'
import { type Fixture, GPU, power, readings, ring, runOf } from '../../support/run-fixture.ts'

/** Reads 4 % low and 3 W too much: true = 1.04 × read - 3 W. */
const CALIBRATION: Calibration = {
  device_id: GPU,
  driver_version: '580.1',
  source: 'nvml_power_ring',
  gain: 1.04,
  gain_u: 0.005,
  offset_w: -3,
  offset_u_w: 1,
  covariance: -0.004,
  measured_at: '2026-06-01T12:00:00.000Z',
  meter: 'plug',
}
const RING = ring(GPU)
/** 100 W idle for 40 s, then 400 W for 60 s by the ring. */
const fixture = (calibrations: readonly unknown[], more: Fixture = {}): Fixture => ({
  phases: { idle: [0, 40], measure: [40, 100] },
  sensors: [RING],
  environment: { nvml: { driver_version: '580.1' }, calibrations },
  samples: power({
    sensor_id: RING.sensor_id,
    from: -1,
    to: 105,
    every: 0.02,
    watts: (t) => (t <= 40 ? 100 : 400),
  }),
  ...more,
})
const metric = (id: string, calibrations: readonly unknown[], more: Fixture = {}) =>
  summarise(runOf(fixture(calibrations, more))).metrics[id]

describe('a calibration', () => {
  test('corrects the joules of the device, and its uncertainty takes the place of the bound', () => {
    const found = metric('energy_compute_j', [CALIBRATION])
    // 1.04 x 24 000 J - 3 W x 60 s
    expect(found?.value).toBeCloseTo(24_780, 4)
    const sensor = found?.components?.find((c) => c.name === 'u_sensor_j')
    // root((24 000 x 0.005)^2 + (60 x 1)^2 - 2 x 24 000 x 60 x 0.004) = root(14 400 + 3600 - 11 520)
    expect(sensor?.value).toBeCloseTo(Math.sqrt(6480), 6)
    expect(sensor).toMatchObject({ shared: true, source: 'nvml_power_ring' })
    // Uncalibrated: 5 % of 400 W / root 3 x 60 s
    const bound = metric('energy_compute_j', [])?.components?.find((c) => c.name === 'u_sensor_j')
    expect(bound?.value).toBeCloseTo((20 / Math.sqrt(3)) * 60, 4)
  })
  test('corrects idle power and what is above it alike', () => {
    // 1.04 x 100 - 3; (416 - 3 - 101) x 60: the offset cancels
    expect(metric('idle_resident_w', [CALIBRATION])?.value).toBeCloseTo(101, 6)
    expect(metric('energy_above_idle_j', [CALIBRATION])?.value).toBeCloseTo(18_720, 4)
    // u = root((100 x 0.005)^2 + 1 - 2 x 100 x 0.004) W
    expect(
      metric('idle_resident_w', [CALIBRATION])?.components?.find((c) => c.name === 'u_sensor_w')
        ?.value,
    ).toBeCloseTo(Math.sqrt(0.25 + 1 - 0.8), 6)
  })
  test('corrects a counter by its own, step by step, and leaves the readings as they were', () => {
    const counted: Fixture = {
      phases: { measure: [0, 60] },
      sensors: [
        {
          sensor_id: 'c',
          device_id: GPU,
          metric: 'gpu_energy_mj',
          source: 'nvml_energy',
          scope: 'gpu',
          period_ms: 100,
        },
      ],
      samples: readings('gpu_energy_mj', GPU, [
        [0, 0],
        [30, 9e6],
        [60, 18e6],
      ]),
    }
    const own = { ...CALIBRATION, source: 'nvml_energy' }
    const run = runOf(fixture([own], counted))
    // 1.04 x 18 000 - 3 x 60
    expect(summarise(run).metrics['energy_compute_j']?.value).toBeCloseTo(18_540, 6)
    expect([...run.samples.value]).toEqual([0, 9e6, 18e6])
    // The ring's does not hold for it.
    expect(metric('energy_compute_j', [CALIBRATION], counted)?.value).toBeCloseTo(18_000, 6)
  })
  test('of one source is no disagreement with another, which reads as it did', () => {
    const both = (mj: number): Fixture => {
      const base = fixture([{ ...CALIBRATION, gain: 1.2 }])
      return {
        ...base,
        samples: [
          ...(base.samples ?? []),
          ...readings('gpu_energy_mj', GPU, [
            [40, 0],
            [100, mj],
          ]),
        ],
      }
    }
    const codes = (mj: number) => summarise(runOf(both(mj))).findings.map((f) => f.code)
    expect(codes(24e6)).not.toContain('energy_source_disagreement')
    expect(codes(29e6)).toContain('energy_source_disagreement')
  })
  test('silences what is said of an unknown duty', () => {
    const devices = [{ device_id: GPU, kind: 'gpu', model: 'NVIDIA A100-SXM4-80GB' }]
    const codes = (calibrations: readonly unknown[]) =>
      summarise(runOf(fixture(calibrations, { devices }))).findings.map((f) => f.code)
    expect(codes([])).toContain('sensor_duty_unknown')
    expect(codes([CALIBRATION])).not.toContain('sensor_duty_unknown')
  })
})

describe('which calibration holds', () => {
  const environment = (...calibrations: unknown[]) => ({
    environment: { nvml: { driver_version: '580.1' }, calibrations },
  })
  const found = (...calibrations: unknown[]) =>
    calibrationFor(environment(...calibrations), GPU, 'nvml_power_ring')

  test('is that of this device, source and driver', () => {
    expect(found(CALIBRATION)?.gain).toBe(1.04)
    for (const other of [
      { device_id: 'GPU-other' },
      { source: 'nvml_energy' },
      { driver_version: '570.9' },
    ])
      expect(found({ ...CALIBRATION, ...other })).toBeNull()
    expect(found({ ...CALIBRATION, driver_version: null })?.gain).toBe(1.04)
    expect(calibrationFor({ environment: {} }, GPU, 'nvml_power_ring')).toBeNull()
  })
  test('is the newest', () => {
    const newer = { ...CALIBRATION, gain: 1.01, measured_at: '2026-06-01T12:00:00.500Z' }
    expect(found(newer, CALIBRATION)?.gain).toBe(1.01)
    expect(found(CALIBRATION, newer)?.gain).toBe(1.01)
  })
  test('is none that can’t be read', () => {
    expect(found({ ...CALIBRATION, gain: 0 }, null, 'words', { gain: 1 })).toBeNull()
    const tooMuch = calibrationSchema.safeParse({ ...CALIBRATION, covariance: 0.006 })
    expect(tooMuch.error?.issues[0]?.message).toContain('gain_u × offset_u_w')
  })
})

test('laws: the way back is the way there, and the doubt is never negative', () => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true })
  fc.assert(
    fc.property(
      number(0.5, 2),
      number(-50, 50),
      number(0, 1e6),
      number(0.01, 1e4),
      number(0, 0.1),
      number(0, 10),
      number(-1, 1),
      (gain, offset_w, energy_j, seconds, gain_u, offset_u_w, rho) => {
        const c = { ...CALIBRATION, gain, offset_w, gain_u, offset_u_w }
        const there = calibrated(energy_j, seconds, c)
        expect(Math.abs(uncalibrated(there, seconds, c) - energy_j)).toBeLessThan(
          1e-6 * (1 + energy_j),
        )
        const doubt = calibrationDoubt(energy_j, seconds, {
          ...c,
          covariance: rho * gain_u * offset_u_w,
        })
        expect(doubt).toBeGreaterThanOrEqual(0)
        // Never more than both added, whatever they have in common.
        expect(doubt).toBeLessThanOrEqual(
          (energy_j * gain_u + seconds * offset_u_w) * (1 + 1e-9) + 1e-9,
        )
      },
    ),
  )
})

describe('parts of an uncertainty', () => {
  const cpu = 'cpu_package:0'
  const counted = (watts: number) =>
    Array.from({ length: 63 }, (_, i): [number, number] => [i - 1, i * watts * 1e6])
  test('name their source, and sensors of unlike makers share nothing', () => {
    const found = summarise(
      runOf({
        devices: [
          { device_id: GPU, kind: 'gpu' },
          { device_id: cpu, kind: 'cpu_package' },
        ],
        sensors: [
          RING,
          {
            sensor_id: 'r',
            device_id: cpu,
            metric: 'cpu_energy_uj',
            source: 'rapl',
            scope: 'package',
            accuracy: { gain_rel: 0.05 },
          },
        ],
        samples: [
          ...power({ sensor_id: RING.sensor_id, from: -1, to: 61, every: 0.02, watts: () => 300 }),
          ...readings('cpu_energy_uj', cpu, counted(100)),
        ],
      }),
    ).metrics['energy_total_j']
    const sensors = found?.components?.filter((c) => c.name === 'u_sensor_j') ?? []
    expect(sensors.map((c) => c.source)).toEqual(['nvml_power_ring', 'rapl'])
    // 15 W and 5 W over root 3 x 60 s, in quadrature
    expect(sensors[0]?.value).toBeCloseTo((15 / Math.sqrt(3)) * 60, 4)
    expect(sensors[1]?.value).toBeCloseTo((5 / Math.sqrt(3)) * 60, 4)
    expect(standard(sensors)).toBeCloseTo((Math.hypot(15, 5) / Math.sqrt(3)) * 60, 4)
    expect(repeatable(sensors)).toBe(0)
  })

  test('of another driver alone is told as not applied', () => {
    const other = { ...CALIBRATION, driver_version: '570.1' }
    const of = (...all: unknown[]) => unusedCalibrations(runOf(fixture(all)))
    expect(of(other)).toEqual([expect.objectContaining({ driver_version: '570.1' })])
    expect(of(other, CALIBRATION)).toEqual([])
    expect(of(CALIBRATION, 'no calibration')).toEqual([])
  })
})
