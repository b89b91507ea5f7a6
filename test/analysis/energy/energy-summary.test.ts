import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CANON, type CanonMetric, summaryKeys } from '../../../analysis/schema/canon.ts'
import { type Summary, summarySchema } from '../../../analysis/schema/summary.ts'
import { summarise } from '../../../analysis/summary.ts'
import {
  type Fixture,
  GPU,
  GPU2,
  power,
  readings,
  request,
  ring,
  runOf,
  s,
} from '../../support/run-fixture.ts'

const RING = ring(GPU)
const ringOf = (watts: (t: number) => number | null, to = 100) =>
  power({ sensor_id: RING.sensor_id, from: -1, to, every: 0.02, watts })

/** 60 W cold, 110 W loaded, 400 W under load; two requests of 100 tokens a second, one of which fails. */
const served: Fixture = {
  phases: {
    baseline: [0, 30],
    load: [30, 35],
    idle: [35, 65],
    measure: [65, 85],
    drain: [85, 86],
    cooldown: [86, 91],
  },
  sensors: [RING],
  samples: ringOf((t) => (t <= 30 ? 60 : t <= 65 ? 110 : t <= 85 ? 400 : 110), 92),
  requests: [
    request('a', 65, 66, 84, 100),
    request('b', 65, 66, 84, 100, { outcome: 'error', error_layer: 'stream' }),
  ],
}
const value = (summary: Summary, id: string) => summary.metrics[id]?.value
const codes = (summary: Summary) => summary.findings.map((f) => f.code)

describe('a summary', () => {
  test('counts energy and tokens in one window', () => {
    const found = summarise(runOf(served))
    expect(summarySchema.safeParse(found).success).toBe(true)
    // 400 W x 20 s; 200 tokens; two requests of which one completed with 100 tokens
    expect(value(found, 'energy_gpu_j')).toBeCloseTo(8000, 6)
    expect(value(found, 'energy_compute_j')).toBeCloseTo(8000, 6)
    expect(value(found, 'power_mean_w')).toBeCloseTo(400, 9)
    expect(value(found, 'energy_per_output_token_j')).toBeCloseTo(40, 9)
    // Ten prompt tokens each
    expect(value(found, 'energy_per_total_token_j')).toBeCloseTo(8000 / 220, 9)
    expect(value(found, 'energy_per_useful_token_j')).toBeCloseTo(80, 9)
    expect(value(found, 'energy_per_request_j')).toBeCloseTo(4000, 6)
    // Over the run, 65 s to 84 s: 400 x 19 / 1 completed
    expect(value(found, 'energy_per_request_j@run')).toBeCloseTo(7600, 6)
    expect(value(found, 'tokens_per_joule')).toBeCloseTo(0.025, 12)
    expect(value(found, 'throughput_per_watt_tok_s_w')).toBeCloseTo(0.025, 12)
    // 4000 J x 19 s
    expect(value(found, 'energy_delay_product_js')).toBeCloseTo(76_000, 6)
    // 400 of 700 W
    expect(value(found, 'power_share_of_tdp_pct')).toBeCloseTo(57.142857, 5)
    expect(found.metrics['power_share_of_limit_pct']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
  })
  test('subtracts idle power of the loaded model over the same seconds', () => {
    const found = summarise(runOf(served))
    expect(value(found, 'idle_cold_w')).toBeCloseTo(60, 6)
    expect(value(found, 'idle_resident_w')).toBeCloseTo(110, 6)
    // 8000 - 110 x 20; the range reaches to 8000 - 60 x 20
    expect(found.metrics['energy_above_idle_j']).toMatchObject({ value: expect.closeTo(5800, 6) })
    expect(found.metrics['energy_above_idle_j']?.high).toBeGreaterThanOrEqual(6800 - 1e-6)
  })
  test('gives the ledger of the whole recording', () => {
    const found = summarise(runOf(served))
    const line = (id: string) => value(found, `energy_${id}_j`)
    expect(line('baseline')).toBeCloseTo(1800, 6)
    expect(line('load')).toBeCloseTo(550, 6)
    expect(line('idle')).toBeCloseTo(3300, 6)
    expect(found.metrics['energy_warmup_j']).toMatchObject({ value: null, reason: 'not_recorded' })
    // 110 x 20 static; (8000 - 2200) / 2 each for the good and the failed request
    expect(line('static')).toBeCloseTo(2200, 6)
    expect(line('succeeded')).toBeCloseTo(2900, 6)
    expect(line('failed')).toBeCloseTo(2900, 6)
    expect(line('drain')).toBeCloseTo(110, 6)
    expect(line('cooldown')).toBeCloseTo(550, 6)
    // 1.02 s of 60 W before the baseline (the first sample's period too), 1 s of 110 W at the end
    expect(line('unattributed')).toBeCloseTo(60 * 1.02 + 110, 6)
    expect(value(found, 'energy_wasted_pct')).toBeCloseTo((2900 / 8000) * 100, 9)
  })
  test('charges all that was not static to failure where no request succeeded', () => {
    const refused = { outcome: 'refused', chunk_t_ns: [], chunk_kind: [], chunk_tokens: [] }
    const requests = [request('a', 65, 66, 84, 1, { ...refused, output_tokens: null })]
    const found = summarise(runOf({ ...served, requests }))
    // 8000 - 110 x 20
    expect(value(found, 'energy_failed_j')).toBeCloseTo(5800, 6)
    expect(value(found, 'energy_succeeded_j')).toBe(0)
    expect(found.metrics['energy_per_output_token_j']).toMatchObject({
      value: null,
      reason: 'no_output_tokens',
    })
    expect(found.valid).toBe(false)
  })
  test('has every metric of the registry, whatever is recorded', () => {
    for (const fixture of [served, {}, { phases: {} }, { requests: served.requests ?? [] }]) {
      const found = summarise(runOf(fixture))
      for (const [id, row] of Object.entries(CANON as Record<string, CanonMetric>))
        for (const key of summaryKeys(id, row)) {
          const metric = found.metrics[key]
          expect(metric, key).toBeDefined()
          expect(metric?.unit).toBe(row.unit)
          expect(metric?.value === null, key).toBe(metric?.reason !== null)
        }
    }
  })
  test('gives times as they stood, beyond 2^53 too', () => {
    const origin = 1_784_000_000_000_000_000n
    const run = runOf(served)
    const found = summarise({ ...run, origin_ns: origin })
    expect(found.window?.start_t_ns).toBe(origin + BigInt(s(65)))
    expect(found.window?.end_t_ns).toBe(origin + BigInt(s(85)))
  })
  test('keeps the repeatable range within the whole one, around the value', () => {
    const found = summarise(runOf(served))
    for (const m of Object.values(found.metrics)) {
      if (m.value === null || m.low === null || m.high === null) continue
      expect(m.low).toBeLessThanOrEqual(m.repeat_low ?? m.low)
      expect(m.high).toBeGreaterThanOrEqual(m.repeat_high ?? m.high)
    }
  })
})

describe('which devices count', () => {
  const devices = [
    { device_id: GPU, kind: 'gpu', tdp_w: 700, index: 0 },
    { device_id: GPU2, kind: 'gpu', tdp_w: 700, index: 1 },
  ]
  const both: Fixture = {
    devices,
    samples: [
      ...power({ from: -1, to: 61, every: 0.5, watts: () => 300 }),
      ...power({ device_id: GPU2, from: -1, to: 61, every: 0.5, watts: () => 100 }),
    ],
  }
  const gpuEnergy = (more: Fixture) =>
    summarise(runOf({ ...both, ...more })).metrics['energy_gpu_j']

  test('a GPU that two ranks name is counted once', () => {
    const processes = [
      { process_id: 'p1', rank: 0, role: 'worker', device_ids: [GPU, GPU2] },
      { process_id: 'p2', rank: 1, role: 'worker', device_ids: [GPU2, GPU] },
    ]
    // (300 + 100) x 60
    expect(gpuEnergy({ processes })?.value).toBeCloseTo(24_000, 6)
  })
  test('devices that are only watched are shown and not counted', () => {
    const found = summarise(
      runOf({ ...both, processes: [{ process_id: 'p1', role: 'worker', device_ids: [GPU2] }] }),
    )
    expect(found.metrics['energy_gpu_j']?.value).toBeCloseTo(6000, 6)
    expect(found.devices.map((d) => [d.device_id, d.used, Math.round(d.energy_j ?? -1)])).toEqual([
      [GPU, false, 18_000],
      [GPU2, true, 6000],
    ])
  })
  test('the configuration overrides: by index, by prefix, none', () => {
    const experiment = (list: unknown[]) => ({
      experiment: { model: 'm', devices: list, phases: { window: 'phase' } },
    })
    expect(gpuEnergy(experiment([1]))?.value).toBeCloseTo(6000, 6)
    expect(gpuEnergy(experiment(['GPU-111']))?.value).toBeCloseTo(18_000, 6)
    expect(gpuEnergy(experiment([]))).toMatchObject({ value: null, reason: 'remote_engine' })
  })
  test('a worker without devices is on another host', () => {
    const found = summarise(
      runOf({ ...both, processes: [{ process_id: 'p1', role: 'worker', device_ids: [] }] }),
    )
    expect(found.metrics['energy_compute_j']).toMatchObject({
      value: null,
      reason: 'remote_engine',
    })
    expect(codes(found)).toContain('remote_engine')
    expect(found.valid).toBe(true)
  })
  test('processes that name none use none; without a worker the engine is not called remote', () => {
    const none = { process_id: 'p1', role: 'load', device_ids: [] }
    const found = summarise(runOf({ ...both, processes: [none] }))
    for (const id of ['energy_gpu_j', 'energy_compute_j'])
      expect(found.metrics[id]).toMatchObject({ value: null, reason: 'no_device' })
    expect(found.devices.map((d) => d.used)).toEqual([false, false])
    expect(codes(found)).not.toContain('remote_engine')
  })
  test('where a process does not say, all GPUs count', () => {
    const none = { process_id: 'p1', role: 'load', device_ids: [] }
    for (const more of [{}, { role: 'worker' }, { role: 'worker', device_ids: null }])
      expect(
        gpuEnergy({ processes: [none, { process_id: 'p2', ...more }] })?.value,
        JSON.stringify(more),
      ).toBeCloseTo(24_000, 6)
    const elsewhere = { process_id: 'p2', role: 'worker', device_ids: [] }
    expect(gpuEnergy({ processes: [{ process_id: 'p1' }, elsewhere] })).toMatchObject({
      value: null,
      reason: 'remote_engine',
    })
  })
  test('sensor error adds linearly over devices, the rest in quadrature', () => {
    const parts = gpuEnergy({})?.components ?? []
    // max(5, 15) / sqrt 3 x 60 + max(5, 5) / sqrt 3 x 60 = 519.6 + 173.2
    expect(parts).toEqual([
      {
        name: 'u_sensor_j',
        value: expect.closeTo(692.82, 2),
        shared: true,
        source: 'gpu_power_mw',
      },
    ])
  })
  test('one GPU without energy makes the sum null', () => {
    expect(
      gpuEnergy({ samples: power({ from: -1, to: 61, every: 0.5, watts: () => 300 }) }),
    ).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
  })
  test('a part of a partitioned GPU is charged the whole of it', () => {
    const found = summarise(
      runOf({
        ...both,
        devices: [...devices, { device_id: 'MIG-1', kind: 'gpu_instance', parent_device_id: GPU }],
        processes: [{ process_id: 'p1', role: 'worker', device_ids: ['MIG-1'] }],
      }),
    )
    expect(value(found, 'energy_gpu_j')).toBeCloseTo(18_000, 6)
    expect(codes(found)).toContain('scope_exceeds_workload')
  })
})

describe('an engine on the CPU', () => {
  const cpu = 'cpu_package:0'
  const dram = 'dram:0'
  const host: Fixture = {
    devices: [
      { device_id: cpu, kind: 'cpu_package', tdp_w: 200 },
      { device_id: dram, kind: 'dram', parent_device_id: cpu },
    ],
    processes: [{ process_id: 'p1', role: 'worker', device_ids: [cpu] }],
    requests: [request('a', 1, 2, 59, 100)],
  }
  const joulesEachSecond = (watts: number) =>
    Array.from({ length: 63 }, (_, i): [number, number] => [i - 1, i * watts * 1e6])

  test('is charged package and memory, measured', () => {
    const found = summarise(
      runOf({
        ...host,
        samples: [
          ...readings('cpu_energy_uj', cpu, joulesEachSecond(100)),
          ...readings('dram_energy_uj', dram, joulesEachSecond(10)),
          ...readings('platform_energy_uj', cpu, joulesEachSecond(500)),
        ],
      }),
    )
    // (100 + 10) x 60; the platform holds both and is added to neither
    expect(value(found, 'energy_compute_j')).toBeCloseTo(6600, 6)
    expect(found.metrics['energy_compute_j']?.scope).toBe('package+dram')
    expect(value(found, 'energy_host_j')).toBeCloseTo(6600, 6)
    expect(value(found, 'energy_total_j')).toBeCloseTo(6600, 6)
    expect(found.metrics['energy_gpu_j']).toMatchObject({ value: null, reason: 'no_device' })
    expect(value(found, 'energy_per_output_token_j')).toBeCloseTo(66, 6)
  })
  test('has the flagged estimate where nothing is measured, and no total', () => {
    const found = summarise(
      runOf({
        ...host,
        environment: { missing_sensors: [{ source: 'rapl', reason: 'permission_denied' }] },
        sensors: [
          {
            sensor_id: 'e',
            device_id: cpu,
            metric: 'cpu_power_mw',
            source: 'cpu_estimate',
            period_ms: 100,
            accuracy: { gain_rel: 0.4, basis: 'assumed' },
          },
        ],
        devices: [{ device_id: cpu, kind: 'cpu_package', tdp_w: 200 }],
        samples: power({
          sensor_id: 'e',
          device_id: cpu,
          metric: 'cpu_power_mw',
          from: -1,
          to: 61,
          every: 0.1,
          watts: () => 50,
        }),
      }),
    )
    expect(found.metrics['energy_per_output_token_j']).toMatchObject({
      value: expect.closeTo(30, 6),
      provenance: 'cpu_estimate',
      // 40 % / sqrt 3 x 2 = 46.2 % either way
      low: expect.closeTo(30 * (1 - 0.461880215), 5),
    })
    for (const id of ['energy_host_j', 'energy_total_j'])
      expect(found.metrics[id]).toMatchObject({ value: null, reason: 'estimate_only' })
    expect(codes(found)).toContain('estimate_only')
    expect(codes(found)).not.toContain('window_too_short')
    expect(found.valid).toBe(true)
  })
  test('a GPU run adds the host only where it is measured', () => {
    const both: Fixture = {
      devices: [{ device_id: GPU, kind: 'gpu' }, ...(host.devices ?? [])],
      samples: [
        ...power({ from: -1, to: 61, every: 0.5, watts: () => 300 }),
        ...readings('cpu_energy_uj', cpu, joulesEachSecond(100)),
        ...readings('dram_energy_uj', dram, joulesEachSecond(10)),
        ...power({
          device_id: 'node',
          metric: 'node_power_mw',
          from: -1,
          to: 61,
          every: 0.5,
          watts: () => 500,
        }),
      ],
    }
    const found = summarise(runOf(both))
    expect(value(found, 'energy_compute_j')).toBeCloseTo(18_000, 6)
    expect(value(found, 'energy_total_j')).toBeCloseTo(24_600, 6)
    expect(value(found, 'energy_node_j')).toBeCloseTo(30_000, 6)
    // 500 - 300 - 110 W
    expect(value(found, 'energy_overhead_j')).toBeCloseTo(5400, 6)
    const denied = { ...both, samples: (both.samples ?? []).filter((r) => r.device_id === GPU) }
    const without = summarise(
      runOf({
        ...denied,
        devices: [{ device_id: GPU, kind: 'gpu' }],
        environment: { missing_sensors: [{ source: 'rapl', reason: 'permission_denied' }] },
      }),
    )
    expect(without.metrics['energy_host_j']).toMatchObject({
      value: null,
      reason: 'permission_denied',
    })
    expect(codes(without)).toContain('host_energy_missing')
  })
})

describe('laws', () => {
  test('the ledger adds up to what was recorded', () => {
    const lines = Object.entries(CANON)
      .filter(
        ([id, row]) => row.section === 'ledger' && row.unit === 'J' && id !== 'energy_recorded_j',
      )
      .map(([id]) => id)
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 92, maxLength: 92 }),
        fc.array(fc.integer({ min: 0, max: 92_000 }), { minLength: 6, maxLength: 6 }),
        fc.boolean(),
        (watts, cuts, fails) => {
          const [a, b, c, d, e, f] = cuts.map((ms) => ms / 1000).sort((x, y) => x - y) as number[]
          const found = summarise(
            runOf({
              ...served,
              phases: {
                baseline: [a ?? 0, b ?? 0],
                idle: [b ?? 0, c ?? 0],
                measure: [c ?? 0, d ?? 0],
                cooldown: [e ?? 0, f ?? 0],
              },
              samples: power({
                sensor_id: RING.sensor_id,
                from: 0,
                to: 92,
                every: 0.05,
                watts: (t) => watts[Math.floor(t)] ?? 0,
              }),
              requests: fails ? (served.requests ?? []) : [],
            }),
          )
          const sum = lines.reduce((total, id) => total + (value(found, id) ?? 0), 0)
          expect(sum).toBeCloseTo(value(found, 'energy_recorded_j') ?? Number.NaN, 6)
        },
      ),
      { numRuns: 15 },
    )
  })
  test('no record makes a summary throw', () => {
    const time = fc.option(fc.integer({ min: 0, max: 70 }).map(s), { nil: null })
    const rows = fc.array(
      fc.record({
        t_ns: fc.integer({ min: -5, max: 70 }).map(s),
        device_id: fc.constantFrom(GPU, GPU2, 'cpu_package:0'),
        metric: fc.constantFrom(
          'gpu_power_mw',
          'gpu_energy_mj',
          'cpu_energy_uj',
          'cpu_power_mw',
          'gpu_temperature_c',
          'gpu_throttle_reasons',
          'gpu_sm_clock_mhz',
          'gpu_power_limit_mw',
          'node_power_mw',
          'unheard_of',
        ),
        value: fc.option(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { nil: null }),
        reason: fc.constantFrom(null, 'lost', 'odd words'),
      }),
      { maxLength: 60 },
    )
    const requests = fc.array(
      fc.record({
        request_id: fc.string({ maxLength: 3 }),
        phase: fc.constantFrom('measure', 'warmup', null, 'odd'),
        sent_t_ns: time,
        done_t_ns: time,
        closed_t_ns: time,
        chunk_t_ns: fc.option(fc.array(fc.integer({ min: 0, max: 70 }).map(s), { maxLength: 4 }), {
          nil: null,
        }),
        output_tokens: fc.option(fc.nat({ max: 50 }), { nil: null }),
        outcome: fc.constantFrom('ok', 'error', 'timeout', null),
      }),
      { maxLength: 12 },
    )
    const phases = fc.constantFrom<Fixture['phases']>(
      {},
      { measure: [0, 60] },
      { idle: [0, 5], measure: [5, 5] },
      { baseline: [0, 1], measure: [2, 60] },
    )
    const window = fc.constantFrom('auto', 'saturation', 'plateau', 'run', 'phase')
    fc.assert(
      fc.property(
        rows,
        requests,
        phases,
        window,
        fc.constantFrom('completed', 'failed', 'interrupted', null),
        (samples, reqs, marks, rule, outcome) => {
          const found = summarise(
            runOf({
              samples,
              requests: reqs,
              phases: marks as NonNullable<Fixture['phases']>,
              outcome: outcome as 'completed',
              experiment: { model: 'm', phases: { window: rule } },
            }),
          )
          expect(summarySchema.safeParse(found).error?.issues ?? []).toEqual([])
          for (const m of Object.values(found.metrics)) expect(Number.isNaN(m.value)).toBe(false)
        },
      ),
      { numRuns: 80 },
    )
  })
})
