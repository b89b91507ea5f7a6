import { describe, expect, test } from 'vitest'
import type { SampleRow } from '../../../analysis/schema/stream.ts'
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

const flat = (watts: (t: number) => number = () => 400): SampleRow[] =>
  power({ from: -1, to: 61, every: 0.1, watts })
const gauge = (metric: string, value: (t: number) => number, device_id = GPU): SampleRow[] =>
  power({ device_id, metric, from: -1, to: 61, every: 0.5, watts: (t) => value(t) / 1000 })

const findings = (more: Fixture = {}, extra: readonly SampleRow[] = []) =>
  summarise(runOf({ ...more, samples: [...(more.samples ?? flat()), ...extra] })).findings
const severityOf = (code: string, more: Fixture = {}, extra: readonly SampleRow[] = []) =>
  findings(more, extra).find((f) => f.code === code)?.severity ?? null

describe('what the gauges of a device say', () => {
  test('a thermal bit within the window invalidates, outside of it does not', () => {
    const at = (from: number, to: number) =>
      gauge('gpu_throttle_reasons', (t) => (t > from && t < to ? 0x20 : 0))
    expect(severityOf('thermal_throttle', {}, at(30, 32))).toBe('invalid')
    expect(severityOf('thermal_throttle', {}, at(-2, 0))).toBe(null)
    expect(
      severityOf(
        'thermal_throttle',
        {},
        gauge('gpu_throttle_reasons', () => 0x40),
      ),
    ).toBe('invalid')
  })
  test('throttling of a GPU that is not used is not ours', () => {
    const devices = [
      { device_id: GPU, kind: 'gpu' },
      { device_id: GPU2, kind: 'gpu' },
    ]
    const processes = [{ process_id: 'p1', role: 'worker', device_ids: [GPU] }]
    const hot = gauge('gpu_throttle_reasons', () => 0x20, GPU2)
    expect(severityOf('thermal_throttle', { devices, processes }, hot)).toBe(null)
  })
  test('the power brake invalidates', () => {
    expect(
      severityOf(
        'power_brake',
        {},
        gauge('gpu_throttle_reasons', () => 0x80),
      ),
    ).toBe('invalid')
  })
  test('a power cap counts only with power near the limit', () => {
    const bit = (until: number) => gauge('gpu_throttle_reasons', (t) => (t <= until ? 0x4 : 0))
    const limit = (watts: number) => ({
      devices: [{ device_id: GPU, kind: 'gpu', power_limit_w: watts }],
    })
    expect(severityOf('sw_power_cap', limit(700), bit(60))).toBe(null)
    expect(severityOf('sw_power_cap', limit(410), bit(60))).toBe('caution')
    // 6 of 60 s: below 20 %
    expect(severityOf('sw_power_cap', limit(410), bit(6))).toBe('info')
    const set = {
      ...limit(410),
      experiment: { model: 'm', phases: { window: 'phase' }, power: { limit_w: 410 } },
    }
    expect(severityOf('sw_power_cap', set, bit(60))).toBe('info')
  })
  test('power at an instant is read from the polls where the energy is a counter’s', () => {
    const counted = [
      ...readings('gpu_energy_mj', GPU, [
        [0, 0],
        [60, 24e6],
      ]),
    ]
    const bit = gauge('gpu_throttle_reasons', () => 0x4)
    const devices = [{ device_id: GPU, kind: 'gpu', power_limit_w: 410, tdp_w: 700 }]
    expect(severityOf('sw_power_cap', { devices }, [...bit, ...counted])).toBe('caution')
    const spike = flat((t) => (Math.abs(t - 30) < 0.01 ? 1200 : 400))
    expect(severityOf('power_implausible', { devices, samples: spike }, counted)).toBe('invalid')
    expect(severityOf('power_implausible', { devices }, counted)).toBe(null)
  })
  test('a clock that changes by over 5 % between the halves, or the slowdown bit', () => {
    expect(
      severityOf(
        'clock_drift',
        {},
        gauge('gpu_sm_clock_mhz', (t) => (t <= 30 ? 1980 : 1860)),
      ),
    ).toBe('caution')
    expect(
      severityOf(
        'clock_drift',
        {},
        gauge('gpu_sm_clock_mhz', (t) => (t <= 30 ? 1980 : 1900)),
      ),
    ).toBe(null)
    expect(
      severityOf(
        'clock_drift',
        {},
        gauge('gpu_throttle_reasons', () => 0x8),
      ),
    ).toBe('caution')
  })
  test('a temperature that moves by over 10 °C', () => {
    expect(
      severityOf(
        'thermal_drift',
        {},
        gauge('gpu_temperature_c', (t) => 50 + t / 5),
      ),
    ).toBe('caution')
    expect(
      severityOf(
        'thermal_drift',
        {},
        gauge('gpu_temperature_c', (t) => 50 + t / 7),
      ),
    ).toBe(null)
  })
  test('a limit that changes', () => {
    const limit = (after: number) => gauge('gpu_power_limit_mw', (t) => (t < 30 ? 700e3 : after))
    expect(severityOf('limit_changed', {}, limit(500e3))).toBe('invalid')
    expect(severityOf('limit_changed', {}, limit(700e3))).toBe(null)
  })
  test('power that the board cannot draw', () => {
    expect(severityOf('power_implausible')).toBe(null)
    // 1.1 x 700 W = 770 W on average, 1.7 x 700 W = 1190 W at once
    expect(severityOf('power_implausible', { samples: flat(() => 780) })).toBe('invalid')
    expect(severityOf('power_implausible', { samples: flat(() => 760) })).toBe(null)
    const spike = flat((t) => (Math.abs(t - 30) < 0.01 ? 1200 : 400))
    expect(severityOf('power_implausible', { samples: spike })).toBe('invalid')
  })
  test('a board whose sensor sees part of each period', () => {
    const devices = [{ device_id: GPU, kind: 'gpu', model: 'NVIDIA H100 80GB HBM3' }]
    const polled = { ...ring(GPU), source: 'nvml_power_instant' }
    expect(severityOf('sensor_duty_unknown', { devices, sensors: [polled] })).toBe('info')
    const accuracy = { gain_rel: 0.01, basis: 'measured' as const }
    const calibrated = { devices, sensors: [{ ...polled, accuracy }] }
    expect(severityOf('sensor_duty_unknown', calibrated)).toBe(null)
  })
  test('the ring of an H100 was measured and sees all of the time; of other boards’ rings nobody has told', () => {
    const on = (model: string) => ({ devices: [{ device_id: GPU, kind: 'gpu', model }] })
    expect(severityOf('sensor_duty_unknown', on('NVIDIA H100 80GB HBM3'))).toBe(null)
    expect(severityOf('sensor_duty_unknown', on('NVIDIA A100-SXM4-80GB'))).toBe('info')
    expect(severityOf('sensor_duty_unknown', on('NVIDIA L4'))).toBe(null)
  })
  test('a sensor that says which share of each period it sees', () => {
    const seeing = (duty: number) => ({
      sensors: [{ ...ring(GPU), source: 'nvml_power_instant', duty }],
    })
    expect(severityOf('sensor_duty_unknown', seeing(0.25))).toBe('info')
    const told = findings(seeing(0.25)).find((f) => f.code === 'sensor_duty_unknown')
    expect(told?.message).toContain('nvml_power_instant')
    expect(told?.message).toContain('25 %')
    // All of it, whatever the board.
    const devices = [{ device_id: GPU, kind: 'gpu', model: 'NVIDIA H100 80GB HBM3' }]
    expect(severityOf('sensor_duty_unknown', { devices, ...seeing(1) })).toBe(null)
  })
})

describe('whether the window can carry the energy', () => {
  const within = (
    to: number,
    every: number,
    watts: (t: number) => number = () => 400,
  ): Fixture => ({
    phases: { measure: [0, to] },
    samples: power({ from: -2, to: to + 2, every, watts }),
  })
  test('under 10 s is short, under 10 samples are few, under 2 are none', () => {
    expect(severityOf('short_measurement', within(9, 0.1))).toBe('caution')
    expect(severityOf('short_measurement', within(10, 0.1))).toBe(null)
    expect(severityOf('insufficient_samples', within(9, 1))).toBe('caution')
    expect(severityOf('insufficient_samples', within(10, 1))).toBe(null)
    expect(severityOf('insufficient_samples', within(1, 1))).toBe('invalid')
  })
  test('a repeatable uncertainty over 20 % invalidates', () => {
    // Steps of 400 W each second over 2 s: about 2 x 4 x 115 J of doubt on 400 J
    expect(
      severityOf(
        'window_too_short',
        within(2, 1, (t) => (Math.round(t) % 2 === 0 ? 0 : 400)),
      ),
    ).toBe('invalid')
    expect(severityOf('window_too_short', within(2, 1))).toBe(null)
  })
  test('an energy that is not there invalidates, one of an unused device does not', () => {
    expect(severityOf('uncovered_window', { samples: [] })).toBe('invalid')
    expect(
      severityOf('window_not_bracketed', {
        samples: power({ from: 1, to: 61, every: 0.1, watts: () => 1 }),
      }),
    ).toBe('invalid')
    const devices = [
      { device_id: GPU, kind: 'gpu' },
      { device_id: GPU2, kind: 'gpu' },
    ]
    const processes = [{ process_id: 'p1', role: 'worker', device_ids: [GPU] }]
    expect(severityOf('uncovered_window', { devices, processes })).toBe(null)
  })
})

describe('idle power', () => {
  const idle = (
    more: Fixture,
    watts: (t: number) => number = (t) => (t <= 40 ? 100 : 400),
  ): Fixture => ({
    phases: { idle: [0, 40], measure: [40, 100] },
    samples: power({ from: -1, to: 101, every: 0.1, watts }),
    ...more,
  })
  test('settled over 30 s is fine', () => {
    const found = findings(idle({})).map((f) => f.code)
    for (const code of [
      'baseline_short',
      'baseline_unstable',
      'baseline_stale',
      'baseline_exceeds_gross',
    ])
      expect(found).not.toContain(code)
  })
  test('under 30 s is short', () => {
    expect(
      severityOf('baseline_short', idle({ phases: { idle: [11, 40], measure: [40, 100] } })),
    ).toBe('info')
    expect(
      severityOf('baseline_short', idle({ phases: { idle: [10, 40], measure: [40, 100] } })),
    ).toBe(null)
  })
  test('that drifts by over 5 %, or with the GPU in use, is unstable', () => {
    // From 100 to 106 W over the phase: 5.8 % of the mean
    expect(
      severityOf(
        'baseline_unstable',
        idle({}, (t) => (t <= 40 ? 100 + t * 0.15 : 400)),
      ),
    ).toBe('caution')
    expect(
      severityOf(
        'baseline_unstable',
        idle({}, (t) => (t <= 40 ? 100 + t * 0.05 : 400)),
      ),
    ).toBe(null)
    const busy = gauge('gpu_utilisation_pct', (t) => (t > 10 && t < 12 ? 3 : 0))
    expect(severityOf('baseline_unstable', idle({}), busy)).toBe('caution')
  })
  test('over what was drawn is told, and the rest keeps its sign', () => {
    const run = runOf(idle({}, (t) => (t <= 40 ? 100 : 90)))
    const found = summarise(run)
    // (90 - 100) x 60, but for the trapezoid of 0.1 s over the step: + 0.5 J
    expect(found.metrics['energy_above_idle_j']?.value).toBeCloseTo(-599.5, 6)
    expect(found.findings.find((f) => f.code === 'baseline_exceeds_gross')?.severity).toBe(
      'caution',
    )
    expect(found.valid).toBe(true)
  })
  test('taken over an hour before is stale, and nothing is subtracted', () => {
    const late: Fixture = {
      phases: { idle: [0, 40], measure: [3641, 3701] },
      samples: [
        ...power({ from: -1, to: 41, every: 0.1, watts: () => 100 }),
        ...power({ from: 3640, to: 3702, every: 0.1, watts: () => 400 }),
      ],
    }
    const found = summarise(runOf(late))
    expect(found.metrics['energy_above_idle_j']).toMatchObject({ value: null, reason: 'stale' })
    expect(found.findings.find((f) => f.code === 'baseline_stale')?.severity).toBe('caution')
  })
  test('taken 10 °C from where the load began is stale; the heat of the load is not', () => {
    const temperature = (value: (t: number) => number) =>
      power({
        metric: 'gpu_temperature_c',
        from: -1,
        to: 101,
        every: 0.5,
        watts: (t) => value(t) / 1000,
      })
    const load = (t: number) => (t <= 40 ? 40 : Math.min(70, 40 + (t - 40)))
    expect(severityOf('baseline_stale', idle({}), temperature(load))).toBe(null)
    expect(
      severityOf(
        'baseline_stale',
        idle({}),
        temperature((t) => (t <= 38 ? 40 : 60)),
      ),
    ).toBe('caution')
  })
  test('of an engine that was there before is not recorded', () => {
    const found = summarise(runOf({ samples: flat() }))
    for (const id of ['idle_cold_w', 'idle_resident_w', 'energy_above_idle_j'])
      expect(found.metrics[id]).toMatchObject({ value: null, reason: 'not_recorded' })
  })
})

describe('what the record says of itself', () => {
  test('a failed run is invalid, an interrupted one a caution', () => {
    expect(severityOf('run_failed', { outcome: 'failed' })).toBe('invalid')
    expect(severityOf('run_interrupted', { outcome: 'interrupted' })).toBe('caution')
  })
  test('a wall clock that steps by over 50 ms is told', () => {
    const clock = (step_ms: number) => ({
      processes: [
        {
          process_id: 'p1',
          clock: [
            { t_ns: 0, wall_unix_ns: '1784000000000000000' },
            {
              t_ns: s(60),
              wall_unix_ns: (1784000060000000000n + BigInt(step_ms) * 1_000_000n).toString(),
            },
          ],
        },
      ],
    })
    expect(severityOf('clock_step', clock(51))).toBe('info')
    expect(severityOf('clock_step', clock(-51))).toBe('info')
    expect(severityOf('clock_step', clock(49))).toBe(null)
    expect(
      severityOf('clock_step', {
        events: [{ t_ns: 1, code: 'clock_step', detail: '{"step_s":0.2}' }],
      }),
    ).toBe('info')
  })
  test('random weights are a caution', () => {
    expect(
      severityOf('synthetic_weights', {
        environment: { engine: { model_info: { synthetic_weights: true } } },
      }),
    ).toBe('caution')
    expect(
      severityOf('synthetic_weights', {
        environment: { engine: { model_info: { synthetic_weights: false } } },
      }),
    ).toBe(null)
    expect(
      severityOf('synthetic_weights', { events: [{ t_ns: 1, code: 'synthetic_weights' }] }),
    ).toBe('caution')
  })
  test('persistence mode off is a caution, for the host or one GPU', () => {
    expect(
      severityOf('persistence_off', { environment: { nvml: { persistence_mode: false } } }),
    ).toBe('caution')
    expect(
      severityOf('persistence_off', {
        environment: { nvml: { devices: { [GPU]: { persistence_mode: 0 } } } },
      }),
    ).toBe('caution')
    expect(
      severityOf('persistence_off', {
        environment: { nvml: { persistence_mode: { [GPU]: true } } },
      }),
    ).toBe(null)
  })
  test('the worst findings come first', () => {
    const order = ['invalid', 'caution', 'info']
    const found = findings({ outcome: 'failed', requests: [request('a', 1, 2, 3, 2)] }).map((f) =>
      order.indexOf(f.severity),
    )
    expect(found).toEqual([...found].sort((a, b) => a - b))
  })
  test('a stalled counter beside a good ring costs only the cross-check', () => {
    const stalled = readings('gpu_energy_mj', GPU, [
      [0, 5],
      [60, 5],
    ])
    const found = summarise(runOf({ samples: [...flat(), ...stalled] }))
    expect(found.findings.find((f) => f.code === 'counter_stalled')?.severity).toBe('info')
    expect(found.valid).toBe(true)
  })
})
