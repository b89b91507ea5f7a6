import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deviceEnergy } from '../../../analysis/energy/device-energy.ts'
import { repeatable, standard } from '../../../analysis/estimators/uncertainty.ts'
import { decodeRun } from '../../../analysis/readings/decode-run.ts'
import {
  chunksOf,
  type Fixture,
  GPU,
  power,
  readings,
  ring,
  runFile,
  runOf,
  s,
} from '../../support/run-fixture.ts'

const window = (from: number, to: number) => ({ start_ns: s(from), end_ns: s(to), rule: 'phase' })
const energy = (fixture: Fixture, from: number, to: number) =>
  deviceEnergy(runOf(fixture), GPU, window(from, to))
const codes = (found: ReturnType<typeof energy>) => found.findings.map((f) => [f.code, f.severity])

const counterRow = {
  sensor_id: 'count',
  device_id: GPU,
  metric: 'gpu_energy_mj',
  source: 'nvml_energy',
  scope: 'gpu',
  period_ms: 100,
}

describe('uncertainty of one device', () => {
  test('of 400 W over 60 s with a refresh of 0.1 s is ± 1386 J, repeatable ± 33 J', () => {
    const found = energy(
      {
        sensors: [counterRow],
        samples: readings('gpu_energy_mj', GPU, [
          [0, 0],
          [60, 24e6],
        ]),
      },
      0,
      60,
    )
    expect(found.energy_j).toBe(24_000)
    // max(5, 0.05 x 400) / sqrt 3 x 60 = 692.82; 0.1 x sqrt(400^2 + 400^2) / sqrt 12 = 16.33
    expect(found.components).toMatchObject([
      { name: 'u_sensor_j', value: expect.closeTo(692.82, 2), shared: true },
      { name: 'u_quantisation_j', value: expect.closeTo(16.33, 2), shared: false },
    ])
    // 2 x sqrt(692.82^2 + 16.33^2) and 2 x 16.33
    expect(2 * standard(found.components)).toBeCloseTo(1386.03, 1)
    expect(2 * repeatable(found.components)).toBeCloseTo(32.66, 2)
  })
  test('has at least 5 W of sensor error', () => {
    const found = energy({ samples: power({ from: -1, to: 11, every: 1, watts: () => 60 }) }, 0, 10)
    // 5 % of 60 W is 3 W: 5 / sqrt 3 x 10
    expect(found.components).toEqual([
      {
        name: 'u_sensor_j',
        value: expect.closeTo(28.868, 3),
        shared: true,
        source: 'gpu_power_mw',
      },
    ])
  })
  test('of polls holds the watt step times half the gap, at the edges and inside', () => {
    const watts = (t: number) => (t < 5 ? 100 : 200)
    const found = energy({ samples: power({ from: -1, to: 11, every: 1, watts }) }, 0.5, 9.5)
    // One step of 100 W in a gap of 1 s: 100 x 1 / 2 / sqrt 3
    expect(found.components[1]).toEqual({
      name: 'u_sampling_j',
      value: expect.closeTo(28.868, 3),
      shared: false,
    })
  })
  test('takes the sensor own bounds where they are stated', () => {
    const estimate = {
      sensor_id: 'est',
      device_id: 'cpu_package:0',
      metric: 'cpu_power_mw',
      source: 'cpu_estimate',
      period_ms: 100,
      accuracy: { gain_rel: 0.5, basis: 'assumed' as const },
    }
    const samples = power({
      device_id: 'cpu_package:0',
      metric: 'cpu_power_mw',
      from: 0,
      to: 11,
      every: 0.1,
      watts: () => 20,
    })
    const devices = [{ device_id: 'cpu_package:0', kind: 'cpu_package' }]
    const of = (sensors: Fixture['sensors']) =>
      deviceEnergy(runOf({ devices, sensors, samples }), 'cpu_package:0', window(0, 10))
    // 20 W x 0.5 / sqrt 3 x 10 s; without a statement 0.4: 46.19
    expect(of([estimate]).components[0]?.value).toBeCloseTo(57.735, 3)
    expect(of([]).components[0]?.value).toBeCloseTo(46.188, 3)
    expect(of([])).toMatchObject({
      energy_j: expect.closeTo(200, 6),
      source: 'cpu_estimate',
      measured: false,
      method: 'hold',
    })
  })
})

describe('choice among sources', () => {
  const flat = (watts: number, more: object = {}) =>
    power({ from: -1, to: 61, every: 0.02, watts: () => watts, ...more })
  const ringed: Fixture = {
    sensors: [ring(GPU), counterRow],
    samples: [
      ...flat(400, { sensor_id: ring(GPU).sensor_id }),
      ...readings('gpu_energy_mj', GPU, [
        [-0.5, 0],
        [60.5, 24.4e6],
      ]),
    ],
  }

  test('takes the ring and keeps the counter as its cross-check', () => {
    const found = energy(ringed, 0, 60)
    expect(found).toMatchObject({ source: 'nvml_power_ring', method: 'ring' })
    expect(found.energy_j).toBeCloseTo(24_000, 6)
    // 24 400 J between the readings, less 400 W x 0.5 s at each end, by the ring
    expect(found.estimates.map((e) => [e.method, Math.round(e.energy_j ?? -1)])).toEqual([
      ['ring', 24_000],
      ['counter', 24_000],
    ])
    expect(codes(found)).toEqual([])
  })
  test('says where ring and counter disagree by over 5 %', () => {
    const samples = [
      ...flat(400, { sensor_id: ring(GPU).sensor_id }),
      ...readings('gpu_energy_mj', GPU, [
        [0, 0],
        [60, 26e6],
      ]),
    ]
    expect(codes(energy({ ...ringed, samples }, 0, 60))).toEqual([
      ['energy_source_disagreement', 'caution'],
    ])
  })
  test('takes the counter where the ring has a hole of more than 3 s', () => {
    const samples = ringed.samples?.filter(
      (r) => r.metric !== 'gpu_power_mw' || r.t_ns < s(20) || r.t_ns > s(25),
    )
    const found = energy({ ...ringed, samples: samples ?? [] }, 0, 60)
    expect(found).toMatchObject({ method: 'counter', source: 'nvml_energy' })
    expect(found.energy_j).toBeCloseTo(24_000, 6)
    expect(found.estimates[0]).toMatchObject({ method: 'ring', energy_j: null, reason: 'gap' })
  })
  test('takes no counter of fewer than 100 refreshes', () => {
    const samples = readings('gpu_energy_mj', GPU, [
      [0, 0],
      [9.9, 24e6],
    ])
    expect(energy({ sensors: [counterRow], samples }, 0, 9.9)).toMatchObject({
      energy_j: null,
      reason: 'too_short',
    })
  })
  test('shifts a running average back by half its span', () => {
    const averaged = {
      sensor_id: 'avg',
      device_id: GPU,
      metric: 'gpu_power_mw',
      source: 'nvml_power_average',
      averaging_ms: 1000,
    }
    // A ramp of 10 W/s, read as the mean of the second before: 0.5 s late
    const watts = (t: number) => 100 + 10 * (t - 0.5)
    const found = energy(
      { sensors: [averaged], samples: power({ from: -2, to: 12, every: 0.1, watts }) },
      0,
      10,
    )
    // (100 + 200) / 2 x 10
    expect(found.energy_j).toBeCloseTo(1500, 6)
  })
  test('merges the streams of one device, never adds them', () => {
    const two = [
      { ...ring(GPU), sensor_id: 'a' },
      { ...ring(GPU), sensor_id: 'b' },
    ]
    const samples = [
      ...power({ sensor_id: 'a', from: -1, to: 31, every: 0.02, watts: () => 300 }),
      ...power({ sensor_id: 'b', from: 29, to: 61, every: 0.02, watts: () => 300 }),
    ]
    expect(energy({ sensors: two, samples }, 0, 60).energy_j).toBeCloseTo(18_000, 6)
  })
  test('never counts a module as the GPU where the GPU has a source of its own', () => {
    const module = { ...ring(GPU), sensor_id: 'module', scope: 'module' }
    const samples = [
      ...power({ sensor_id: 'module', from: -1, to: 11, every: 0.02, watts: () => 900 }),
      ...power({ sensor_id: ring(GPU).sensor_id, from: -1, to: 11, every: 0.02, watts: () => 500 }),
    ]
    expect(energy({ sensors: [module, ring(GPU)], samples }, 0, 10)).toMatchObject({
      scope: 'gpu',
      energy_j: expect.closeTo(5000, 6),
    })
    expect(energy({ sensors: [module], samples: samples.slice(0, 601) }, 0, 10)).toMatchObject({
      scope: 'module',
      energy_j: expect.closeTo(9000, 6),
    })
  })
})

describe('a slow source', () => {
  const energyOf = (...seconds: number[]) =>
    energy(
      { samples: seconds.flatMap((t) => power({ from: t, to: t, every: 1, watts: () => 100 })) },
      0,
      10,
    )

  test('that is read every five seconds has no holes', () => {
    expect(energyOf(-5, 0, 5, 10, 15)).toMatchObject({ energy_j: expect.closeTo(1000, 6) })
    // One answer 2.4 s late: within half a spacing more
    expect(energyOf(-10, -5, 0, 7.4, 10, 15).energy_j).toBeCloseTo(1000, 6)
  })
  test('that missed a reading has one', () => {
    expect(energyOf(-10, -5, 0, 10, 15, 20)).toMatchObject({ energy_j: null, reason: 'gap' })
  })
})

describe('no energy', () => {
  const polls = (from: number, to: number) => power({ from, to, every: 1, watts: () => 100 })
  test('without a reading on both sides is window_not_bracketed', () => {
    const found = energy({ samples: polls(1, 70) }, 0, 60)
    expect(found).toMatchObject({ energy_j: null, reason: 'window_not_bracketed' })
    expect(codes(found)).toEqual([['window_not_bracketed', 'invalid']])
  })
  test('of a device that stopped answering is lost, and says so', () => {
    const gone = polls(31, 61).map((row) => ({ ...row, value: null, reason: 'lost' }))
    const found = energy({ samples: [...polls(-1, 30), ...gone] }, 0, 60)
    expect(found).toMatchObject({ energy_j: null, reason: 'lost' })
    expect(codes(found)).toEqual([['window_not_bracketed', 'invalid']])
  })
  test('over a hole of more than 3 s is sampling_gap_exceeded', () => {
    const found = energy({ samples: [...polls(-1, 20), ...polls(24, 61)] }, 0, 60)
    expect(found).toMatchObject({ energy_j: null, reason: 'gap' })
    expect(codes(found)).toEqual([['sampling_gap_exceeded', 'invalid']])
    // 100 W over 20 + 36 s
    expect(found.findings[0]?.evidence).toMatchObject({ partial_j: 5600, covered_s: 56 })
  })
  test('without any source is uncovered', () => {
    expect(energy({}, 0, 60)).toMatchObject({ energy_j: null, reason: 'not_recorded' })
    const found = energy({ samples: polls(100, 120) }, 0, 60)
    expect(found.reason).toBe('uncovered')
    expect(codes(found)).toEqual([
      ['uncovered_window', 'invalid'],
      ['insufficient_samples', 'invalid'],
    ])
  })
  test('passes on why each reading failed', () => {
    const samples = readings('gpu_power_mw', GPU, [
      [0, 0],
      [60, 0],
    ]).map((r) => ({ ...r, value: null, reason: 'permission_denied' }))
    expect(energy({ samples }, 0, 60).reason).toBe('permission_denied')
  })
  test('of a counter that falls is counter_reset', () => {
    const samples = readings('gpu_energy_mj', GPU, [
      [0, 5e6],
      [30, 1e6],
      [60, 2e6],
    ])
    const found = energy({ samples }, 0, 60)
    expect(found).toMatchObject({ energy_j: null, reason: 'counter_reset' })
    expect(codes(found)).toEqual([['counter_reset', 'invalid']])
  })
})

describe('laws', () => {
  const watts = fc.array(fc.option(fc.integer({ min: 0, max: 800 }), { freq: 20 }), {
    minLength: 60,
    maxLength: 200,
  })
  const ringRun = (values: readonly (number | null)[]) => ({
    sensors: [ring(GPU)],
    samples: values.map((v, i) => ({
      t_ns: s(0.02 * (i + 1)),
      device_id: GPU,
      metric: 'gpu_power_mw',
      value: v === null ? null : v * 1000,
    })),
  })
  const joules = (run: ReturnType<typeof runOf>, from: number, to: number) =>
    deviceEnergy(run, GPU, { start_ns: from, end_ns: to, rule: 'phase' }).energy_j

  test('energy does not depend on how chunks are cut or on their order', () => {
    fc.assert(
      fc.property(watts, fc.integer({ min: 1, max: 70 }), fc.integer(), (values, cut, seed) => {
        const fixture = ringRun(values)
        const chunks = chunksOf(fixture, cut)
        const mixed = chunks
          .map((c, i) => ({ c, k: Math.imul(i + 1, seed | 1) }))
          .sort((a, b) => a.k - b.k)
          .map(({ c }) => c)
        const whole = joules(runOf(fixture), s(0.2), s(1))
        expect(joules(decodeRun(runFile(fixture), mixed), s(0.2), s(1))).toBe(whole)
      }),
      { numRuns: 40 },
    )
  })
  test('the ring over a window is the sum over its parts', () => {
    fc.assert(
      fc.property(
        watts,
        fc.array(fc.integer({ min: s(0.1), max: s(1.1) }), { minLength: 2, maxLength: 6 }),
        (values, cuts) => {
          const run = runOf(ringRun(values))
          const edges = [...new Set(cuts)].sort((a, b) => a - b)
          const whole = joules(run, edges[0] as number, edges.at(-1) as number)
          const parts = edges.slice(1).map((to, i) => joules(run, edges[i] as number, to))
          if (whole === null || edges.length < 2) return
          const sum = parts.reduce<number>((a, b) => a + (b ?? Number.NaN), 0)
          expect(sum).toBeCloseTo(whole, 6)
        },
      ),
      { numRuns: 100 },
    )
  })
  test('a longer window never has less energy', () => {
    const bound = fc.integer({ min: s(0.1), max: s(1.1) })
    fc.assert(
      fc.property(watts, bound, bound, bound, bound, (values, ...four) => {
        const run = runOf(ringRun(values))
        const [a, b, c, d] = four.sort((x, y) => x - y) as [number, number, number, number]
        if (b === c) return
        const inner = joules(run, b, c)
        const outer = joules(run, a, d)
        if (inner === null || outer === null) return
        expect(outer).toBeGreaterThanOrEqual(inner - 1e-9)
      }),
      { numRuns: 100 },
    )
  })
})
