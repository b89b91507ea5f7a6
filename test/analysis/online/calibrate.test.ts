import { describe, expect, test } from 'vitest'
import { type CalibrationHow, judgeCalibration } from '../../../analysis/online/calibrate.ts'
import { calibrateSchema } from '../../../analysis/schema/calibrate.ts'
import { type Fixture, GPU, power, readings, ring, runOf, s } from '../../support/run-fixture.ts'

const RING = ring(GPU)
const HOW: CalibrationHow = {
  device_id: GPU,
  meter: 'plug',
  sees: 'node',
  psu_efficiency: 0.9,
  psu_efficiency_u: 0.01,
  psu_assumed: false,
  typed_error_rel: 0.01,
  measured_at: '2026-06-01T12:00:00.000Z',
}
/** Steps of 20 s, 5 s settled before each: what the GPU is read to draw in them. */
const LEVELS = [0, 1, 0.5, 0]
const readW = (level: number) => 100 + 300 * level
const packageW = (level: number) => 40 + 20 * level
/** The sensor reads 5 % low; the rest of the node draws 150 W. */
const nodeW = (level: number) => (150 + 1.05 * readW(level) + packageW(level)) / 0.9
const levelAt = (t: number) => LEVELS[Math.min(Math.max(Math.ceil(t / 25) - 1, 0), 3)] ?? 0

const fixture = (more: Fixture = {}, typed?: readonly number[]): Fixture => ({
  phases: { measure: [0, 100] },
  devices: [
    { device_id: GPU, kind: 'gpu', model: 'H100' },
    { device_id: 'cpu_package:0', kind: 'cpu_package' },
    { device_id: 'node:0', kind: 'node' },
  ],
  sensors: [
    RING,
    {
      sensor_id: 'node:0:plug',
      device_id: 'node:0',
      metric: 'node_power_mw',
      source: 'plug',
      scope: 'node',
      accuracy: { gain_rel: 0.005, basis: 'vendor' },
    },
    {
      sensor_id: 'rapl',
      device_id: 'cpu_package:0',
      metric: 'cpu_energy_uj',
      source: 'rapl',
      scope: 'package',
      period_ms: 1,
    },
  ],
  environment: {
    nvml: { driver_version: '580.1' },
    plug: [{ device_id: 'node:0', url: 'http://10.0.0.9' }],
  },
  samples: [
    ...power({
      sensor_id: RING.sensor_id,
      from: -1,
      to: 101,
      every: 0.02,
      watts: (t) => readW(levelAt(t)),
    }),
    ...power({
      ...{ device_id: 'node:0', sensor_id: 'node:0:plug', metric: 'node_power_mw' },
      ...{ from: 0, to: 101, every: 1, watts: (t) => Math.round(nodeW(levelAt(t)) * 10) / 10 },
    }),
    ...readings(
      'cpu_energy_uj',
      'cpu_package:0',
      Array.from(
        { length: 102 },
        (_, t) =>
          [
            t,
            1e6 *
              Array.from({ length: t }, (_, k) => packageW(levelAt(k + 1))).reduce(
                (a, b) => a + b,
                0,
              ),
          ] as const,
      ),
    ).map((r) => ({ ...r, sensor_id: 'rapl' })),
  ],
  events: LEVELS.map((level, step) => ({
    t_ns: s(25 * (step + 1)),
    code: 'calibration_step',
    detail: JSON.stringify({
      ...{ step, level, start_t_ns: s(25 * step + 5), end_t_ns: s(25 * step + 25) },
      ...(typed === undefined ? {} : { typed_w: typed[step], typed_step_w: 0.1 }),
    }),
  })),
  ...more,
})

describe('recorded steps of load', () => {
  test('give the gain that the meter shows, less the supply and what the processor drew more', () => {
    const report = calibrateSchema.parse(judgeCalibration(runOf(fixture()), HOW))
    expect(report).toMatchObject({
      device_id: GPU,
      model: 'H100',
      driver_version: '580.1',
      meter: 'plug http://10.0.0.9',
      others: ['cpu_package:0 package'],
    })
    const [ring] = report.results
    expect(ring?.source).toBe('nvml_power_ring')
    // The plug rounds to 0.1 W of 350 W
    expect(ring?.calibration?.gain).toBeCloseTo(1.05, 3)
    expect(ring?.calibration?.driver_version).toBe('580.1')
    // Of the meter's slope, 1.05 + 20/300: the supply 0.01 / 0.9, the meter 0.5 % / root 3
    const slope = 1.05 + 20 / 300
    expect(ring?.parts.find((p) => p.name === 'u_supply')?.value).toBeCloseTo(slope / 90, 4)
    expect(ring?.parts.find((p) => p.name === 'u_meter')?.value).toBeCloseTo(
      (slope * 0.005) / Math.sqrt(3),
      5,
    )
    expect(ring?.steps.map((x) => x.meter_w)).toEqual(
      LEVELS.map((l) => expect.closeTo(nodeW(l), 0)),
    )
    expect(report.assumptions[1]).toBe(
      'Of what the meter tells, 0.9 ± 0.01 reaches the parts, as stated.',
    )
  })

  test('of a processor are for whatever driver, and take the GPU as another part', () => {
    const how = {
      ...HOW,
      device_id: 'cpu_package:0',
      sees: 'device',
      meter: 'typed',
      psu_efficiency: 1,
      psu_efficiency_u: 0,
    } as const
    // An ammeter on the processor alone, which truly draws 1 W more than read
    const typed = LEVELS.map((l) => packageW(l) + 1)
    const report = judgeCalibration(runOf(fixture({}, typed)), how)
    expect(report.others).toEqual([])
    expect(report.results[0]).toMatchObject({ source: 'rapl', refusal: null })
    expect(report.results[0]?.calibration?.driver_version).toBeNull()
    expect(report.results[0]?.calibration?.offset_w).toBeCloseTo(1, 1)
    expect(report.results[0]?.calibration?.gain).toBeCloseTo(1, 2)
  })

  test('whose meter tells steps that are too coarse are refused', () => {
    const coarse = (step: number, noise: number) =>
      judgeCalibration(
        runOf(
          fixture({
            samples: (fixture().samples ?? []).map((row) => {
              if (row.metric !== 'node_power_mw') return row
              const watts =
                nodeW(levelAt(Number(row.t_ns) / 1e9)) + noise * Math.sin(Number(row.t_ns) / 1e9)
              return { ...row, value: 1000 * step * Math.round(watts / step) }
            }),
          }),
        ),
        HOW,
      ).results[0]
    // 8 W of 372 W that the plug sees change is less than a twentieth, 32 W is more: its few readings are told apart by
    // their noise. A steady meter is known by its last digit.
    expect(coarse(8, 20)?.refusal).toBeNull()
    expect(coarse(32, 70)).toMatchObject({ refusal: 'meter_too_coarse' })
    expect(coarse(32, 70)?.why).toContain('steps of 32 W')
    expect(coarse(1, 0)?.refusal).toBeNull()
    expect(coarse(100, 0)?.refusal).toBe('meter_too_coarse')
  })

  test('that are too short for how often the meter answers are refused with the seconds to give', () => {
    // Steps of 20 s hold two readings of a meter that answers each 10 s: three would need 30 s, and one more to be sure.
    const slow = fixture()
    const samples = slow.samples?.filter(
      (row) => row.metric !== 'node_power_mw' || (Number(row.t_ns) / 1e9) % 10 === 0,
    )
    expect(
      judgeCalibration(runOf({ ...slow, samples: samples ?? [] }), HOW).results[0],
    ).toMatchObject({
      refusal: 'too_few_steps',
      why: 'plug http://10.0.0.9 answers about every 10.0 s, and a step of 20.0 s is too short for the 3 readings that its mean needs: give --step-seconds 40 or more.',
    })
  })

  test('whose meter or sensor told nothing are refused', () => {
    const silent = fixture()
    const without = (metric: string) =>
      judgeCalibration(
        runOf({ ...silent, samples: silent.samples?.filter((x) => x.metric !== metric) ?? [] }),
        HOW,
      )
    expect(without('node_power_mw').results[0]?.refusal).toBe('no_meter')
    expect(without('gpu_power_mw').results).toEqual([])
    const late = judgeCalibration(
      runOf({
        ...silent,
        samples:
          silent.samples?.filter((x) => x.metric !== 'gpu_power_mw' || Number(x.t_ns) < s(3)) ?? [],
      }),
      HOW,
    )
    expect(late.results[0]?.refusal).toBe('no_sensor')
    const { events: _, ...bare } = silent
    expect(judgeCalibration(runOf(bare), HOW).results[0]?.refusal).toBe('no_meter')
  })

  test('are not corrected by an earlier calibration', () => {
    const environment = {
      ...fixture().environment,
      calibrations: [
        {
          ...{ device_id: GPU, source: 'nvml_power_ring', gain: 1.2, gain_u: 0.01, offset_w: 0 },
          ...{ offset_u_w: 0, measured_at: '2026-01-01T00:00:00.000Z', meter: 'plug' },
        },
      ],
    }
    const [ring] = judgeCalibration(runOf(fixture({ environment })), HOW).results
    expect(ring?.calibration?.gain).toBeCloseTo(1.05, 3)
  })
})
