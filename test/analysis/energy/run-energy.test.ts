import { describe, expect, it } from 'vitest'
import { runEnergy } from '../../../analysis/energy/run-energy.ts'
import { summarise } from '../../../analysis/summary.ts'
import { GPU, power, request, runOf } from '../../support/run-fixture.ts'

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
