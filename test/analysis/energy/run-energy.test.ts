import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { energyTimeline } from '../../../analysis/energy/energy-timeline.ts'
import { runEnergy } from '../../../analysis/energy/run-energy.ts'
import { summarise } from '../../../analysis/summary.ts'
import { GPU, power, readings, request, ring, runOf } from '../../support/run-fixture.ts'

/** 2026-07-14T09:59:30Z at the start of the run's clock. */
const ANCHOR = { t_ns: 0, wall_unix_ns: '1784023170000000000', error_ns: 100 }
const worker = (clock: object[]) => [
  { process_id: 'p1', role: 'worker', device_ids: [GPU], clock: clock as never },
]

/** 100 W for 20 s idle, 300 W for 40 s of measuring over the hour, 100 W for 20 s of cooling down. */
const run = (more: object = {}) =>
  runOf({
    phases: { idle: [0, 20], measure: [20, 60], cooldown: [60, 80] },
    processes: worker([ANCHOR]),
    samples: power({ from: 0, to: 80, every: 0.1, watts: (t) => (t > 20 && t <= 60 ? 300 : 100) }),
    requests: [request('r1', 21, 22, 58, 100)],
    ...more,
  })

const sum = (rows: readonly { gpu_uj: number }[]) => rows.reduce((n, r) => n + r.gpu_uj, 0)

/** µJ of all parts and hours. */
const whole = (r: ReturnType<typeof runOf>) => sum(runEnergy(r).hours)
const ledgerOf = (r: ReturnType<typeof runOf>) =>
  summarise(r).metrics['energy_recorded_j']?.value ?? null
/** µJ of the timeline of all that was recorded, as cost puts it under a scenario. */
const costed = (r: ReturnType<typeof runOf>) =>
  energyTimeline(r, { span: 'recorded', boundary: 'gpu' }).intervals.reduce(
    (n, i) => n + Number(i.energies.gpu?.energy_uj),
    0,
  )

describe('recorded energy', () => {
  it('is the ledger’s, in totals and in cost', () => {
    // A ring's first mean stands for the 20 ms before it, and polls that end a second early bound nothing: 81.02 s of it.
    const samples = [
      ...power({ sensor_id: 'ring', from: -1, to: 80, every: 0.02, watts: () => 300 }),
      ...power({ sensor_id: 'poll', from: 1, to: 79, every: 0.1, watts: () => 310 }),
    ]
    const sensors = [
      ring(GPU, { sensor_id: 'ring' }),
      ring(GPU, { sensor_id: 'poll', source: 'nvml_power_instant' }),
    ]
    const r = run({ sensors, samples, processes: worker([ANCHOR]) })
    expect(ledgerOf(r)).toBeCloseTo(300 * 81.02, 6)
    expect(whole(r)).toBe(Math.round((ledgerOf(r) ?? 0) * 1e6))
    expect(costed(r)).toBe(whole(r))
  })

  it('is the same number everywhere, whatever was recorded when', () => {
    const span = fc.record({
      from: fc.integer({ min: -5, max: 30 }),
      seconds: fc.integer({ min: 1, max: 90 }),
      watts: fc.integer({ min: 20, max: 700 }),
    })
    fc.assert(
      fc.property(
        fc.array(span, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.constantFrom('auto', 'phase', 'run'),
        (spans, clock, window) => {
          const sources = ['nvml_power_ring', 'nvml_power_instant', 'nvml_power_average']
          const sensors = spans.map((_, i) =>
            ring(GPU, { sensor_id: `s${i}`, source: sources[i], period_ms: 100 }),
          )
          const samples = spans.flatMap(({ from, seconds, watts }, i) =>
            power({
              ...{ sensor_id: `s${i}`, from, to: from + seconds, every: 0.1 },
              watts: (t) => watts + (Math.round(t * 10) % 7),
            }),
          )
          const r = run({
            ...{ sensors, samples, processes: worker(clock ? [ANCHOR] : []) },
            experiment: { model: 'm', phases: { window }, load: { concurrency: 1 } },
          })
          const recorded = ledgerOf(r)
          if (recorded === null) return
          expect(costed(r)).toBe(Math.round(recorded * 1e6))
          expect(whole(r)).toBe(costed(r))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of a host beside GPUs is what it recorded within the ledger’s span', () => {
    const CPU = 'cpu_package:0'
    const host = (to: number) =>
      run({
        devices: [
          { device_id: GPU, kind: 'gpu' },
          { device_id: CPU, kind: 'cpu_package' },
        ],
        samples: [
          ...power({ from: 0, to: 80, every: 0.1, watts: () => 300 }),
          ...readings(
            'cpu_energy_uj',
            CPU,
            Array.from({ length: to }, (_, t) => [t + 1, 50e6 * t]),
          ),
        ],
      })
    const cpu = (to: number) => runEnergy(host(to)).hours.reduce((n, h) => n + h.cpu_uj, 0)
    // 50 W from 1 to 79 s: two seconds of the span were not recorded
    expect(cpu(79) / 1e6).toBeCloseTo(50 * 78, 6)
    expect(whole(host(79))).toBe(Math.round((ledgerOf(host(79)) ?? 0) * 1e6))
    // Up to 70 s: more is missing than is ever bridged, so what lies outside the window is not known
    expect(runEnergy(host(70)).hours.every((h) => h.part === 'window')).toBe(true)
  })
})

describe('the energy of a run for totals', () => {
  it('is the joules of the summary inside the window, and the rest of the recording outside', () => {
    const energy = runEnergy(run())
    const window = energy.hours.filter((h) => h.part === 'window')
    const outside = energy.hours.filter((h) => h.part === 'outside')
    const joules = summarise(run()).metrics['energy_gpu_j']?.value ?? 0
    expect(sum(window)).toBe(Math.round(joules * 1e6))
    // 40 s of 100 W and 40 s of 300 W in all: 16 kJ, a reading is 0.1 s.
    expect((sum(window) + sum(outside)) / 1e6).toBeCloseTo(16_000, -2)
    expect(energy).toMatchObject({ boundary: 'gpu', gpus: 1, reason: null })
    expect(energy.u).toBeGreaterThan(0)
  })

  it('is cut at the hour, and its durations add up to the recording', () => {
    const { hours } = runEnergy(run())
    const HOUR_MS = Date.parse('2026-07-14T10:00:00Z')
    for (const h of hours)
      expect((h.to_ms ?? 0) <= HOUR_MS || (h.from_ms ?? 0) >= HOUR_MS).toBe(true)
    const ms = hours.reduce((n, h) => n + h.duration_ms, 0)
    expect(Math.abs(ms - 80_000)).toBeLessThan(500)
  })

  it('has no time where the run tells none, and all of its energy', () => {
    const { hours } = runEnergy(run({ processes: worker([]) }))
    expect(hours.map((h) => [h.part, h.from_ms])).toEqual([
      ['window', null],
      ['outside', null],
    ])
    expect(sum(hours) / 1e6).toBeCloseTo(16_000, -2)
  })

  it('is none, with the reason, where nothing was recorded', () => {
    const { hours, reason } = runEnergy(run({ samples: [] }))
    expect(hours).toEqual([])
    expect(reason).not.toBe(null)
  })
})
