import { describe, expect, it } from 'vitest'
import type { RequestRow, SampleRow } from '../../analysis/schema/stream.ts'
import {
  chooseWindow,
  phaseWindow,
  runWindow,
  type Window,
  windowSeconds,
} from '../../analysis/window.ts'
import { runOf, streamed } from './run-of.ts'

const S = 1e9

/** A closed loop: each slot sends its next request when the last one ended; times in seconds. */
function closedLoop(slots: number, perSlot: number, tokens = 10, gap_s = 0.1): RequestRow[] {
  const rows: RequestRow[] = []
  for (let slot = 0; slot < slots; slot++) {
    for (let k = 0; k < perSlot; k++) {
      const sent = slot * 0.01 + k * (tokens * gap_s)
      const at = Array.from({ length: tokens }, (_, i) => 1000 * (sent + (i + 1) * gap_s))
      rows.push(streamed(`s${slot}k${k}`, 1000 * sent, at))
    }
  }
  return rows
}

const closed = (concurrency: number, window: unknown = 'auto') => ({
  load: { shape: 'closed', concurrency },
  phases: { window },
})

describe('the run window', () => {
  it('goes from the first sent of the measured load to its last terminal event', () => {
    const run = runOf({
      requests: [
        streamed('w', 0, [500], { phase: 'warmup' }),
        streamed('a', 1000, [1100, 2000], { done_t_ns: 2.1 * S, closed_t_ns: 2.2 * S }),
        streamed('b', 1500, [1600], {
          outcome: 'error',
          closed_t_ns: 2.5 * S,
          output_tokens: null,
        }),
      ],
    })
    // The failure ends when its connection closes, the success at its last token
    expect(runWindow(run)).toEqual({ start_ns: 1 * S, end_ns: 2.5 * S, rule: 'run' })
  })

  it('is null where nothing was sent, or nothing ended', () => {
    expect(runWindow(runOf({}))).toBeNull()
    const open: RequestRow = { request_id: 'a', phase: 'measure', sent_t_ns: 0 }
    expect(runWindow(runOf({ requests: [open] }))).toBeNull()
  })
})

describe('phase and fixed windows', () => {
  const phases = [
    ['idle', 0, 10],
    ['measure', 10, 40],
  ] as const

  it('are the bounds of the phase, and seconds after its start', () => {
    const run = runOf({ phases, experiment: { phases: { window: { from_s: 5, to_s: 15 } } } })
    expect(phaseWindow(run, 'idle')).toEqual({ start_ns: 0, end_ns: 10 * S, rule: 'phase' })
    expect(chooseWindow(run).window).toEqual({ start_ns: 15 * S, end_ns: 25 * S, rule: 'fixed' })
    expect(windowSeconds(chooseWindow(run).window as Window)).toBe(10)
    expect(phaseWindow(run, 'baseline')).toBeNull()
  })

  it('without the mark are no window, with the finding', () => {
    const run = runOf({ experiment: { phases: { window: 'phase' } } })
    const chosen = chooseWindow(run)
    expect(chosen).toMatchObject({ window: null, reason: 'no_window' })
    expect(chosen.findings[0]).toMatchObject({ code: 'no_window', severity: 'invalid' })
  })

  it('auto takes the phase of a measured program, which has no requests', () => {
    expect(chooseWindow(runOf({ phases })).window?.rule).toBe('phase')
  })
})

describe('saturation', () => {
  it('begins when B requests had their first token and ends when sent - B - 1 have ended', () => {
    // 2 slots, 3 requests each of 1 s: first tokens 0.1, 0.11; ends 1, 1.01, 2, 2.01, 3, 3.01; 6 - 2 - 1 = 3rd
    const run = runOf({ experiment: closed(2, 'saturation'), requests: closedLoop(2, 3) })
    const { window } = chooseWindow(run)
    expect(window?.start_ns).toBeCloseTo(0.11 * S, 0)
    expect(window?.end_ns).toBeCloseTo(2 * S, 0)
    expect(window?.rule).toBe('saturation')
  })

  it("takes the smaller of the engine's batch limit and the client's concurrency", () => {
    const requests = closedLoop(4, 5)
    const of = (batch_limit: number) =>
      chooseWindow(
        runOf({
          experiment: closed(4, 'saturation'),
          requests,
          environment: { engine: { batch_limit } },
        }),
      ).window
    // B = 2: the second first token at 0.11 s; B = 4 for a larger limit: the fourth at 0.13 s
    expect(of(2)?.start_ns).toBeCloseTo(0.11 * S, 0)
    expect(of(256)?.start_ns).toBeCloseTo(0.13 * S, 0)
  })

  it('counts failures among the ended', () => {
    const requests = closedLoop(2, 3).map((r) =>
      r.request_id === 's0k0'
        ? { ...r, outcome: 'error', closed_t_ns: 0.5 * S, chunk_t_ns: [0.1 * S] }
        : r,
    )
    const { window } = chooseWindow(runOf({ experiment: closed(2, 'saturation'), requests }))
    // ends 0.5, 1.01, 2, ...
    expect(window?.end_ns).toBeCloseTo(2 * S, 0)
  })

  it('is no window where sent - B - 1 lies below 1', () => {
    const run = runOf({ experiment: closed(4, 'saturation'), requests: closedLoop(4, 1) })
    expect(chooseWindow(run)).toMatchObject({ window: null, reason: 'no_window' })
  })
})

describe('auto', () => {
  it('takes saturation for a closed loop with requests enough', () => {
    const run = runOf({ experiment: closed(2), requests: closedLoop(2, 25) })
    const chosen = chooseWindow(run)
    expect(chosen.window?.rule).toBe('saturation')
    expect(chosen.findings).toEqual([])
  })

  it('falls back to the run, and says so, where slots hold too few requests', () => {
    for (const perSlot of [1, 3]) {
      const run = runOf({ experiment: closed(4), requests: closedLoop(4, perSlot) })
      const chosen = chooseWindow(run)
      expect(chosen.window?.rule).toBe('run')
      expect(chosen.findings).toHaveLength(1)
      expect(chosen.findings[0]).toMatchObject({ code: 'no_steady_window', severity: 'caution' })
    }
  })

  it('has no window where nothing ended', () => {
    const open: RequestRow = { request_id: 'a', phase: 'measure', sent_t_ns: 0 }
    expect(chooseWindow(runOf({ requests: [open] })).reason).toBe('no_window')
  })
})

describe('plateau', () => {
  const device = { device_id: 'GPU-1', kind: 'gpu' }
  const power = (watts: (s: number) => number, seconds: number): SampleRow[] =>
    Array.from({ length: seconds * 10 }, (_, i) => ({
      t_ns: (i + 1) * 1e8,
      device_id: 'GPU-1',
      metric: 'gpu_power_mw',
      value: Math.round(1000 * watts((i + 1) / 10)),
    }))
  /** Ten requests a second, each of ten tokens over `latency(s)` seconds. */
  const even = (seconds: number, latency: (s: number) => number = () => 0.5): RequestRow[] =>
    Array.from({ length: seconds * 10 }, (_, i) => {
      const sent = i / 10
      const step = latency(sent) / 10
      const at = Array.from({ length: 10 }, (_, k) => 1000 * (sent + (k + 1) * step))
      return streamed(`r${i}`, 1000 * sent, at, { scheduled_t_ns: sent * S })
    })
  const open = (window = 'auto') => ({ load: { shape: 'constant', rate: 10 }, phases: { window } })
  const chosen = (requests: RequestRow[], samples: SampleRow[], window?: string) =>
    chooseWindow(runOf({ experiment: open(window), devices: [device], requests, samples }))

  it('is found under even load and power, with the ramp left out', () => {
    const { window, findings } = chosen(
      even(60),
      power(() => 400, 61),
    )
    expect(window?.rule).toBe('plateau')
    expect(findings).toEqual([])
    expect(windowSeconds(window as Window)).toBeGreaterThan(50)
  })

  it('leaves out a stretch in which the power drifts', () => {
    const drifting = power((s) => (s < 30 ? 200 + 10 * s : 500), 61)
    const { window } = chosen(even(60), drifting)
    expect(window?.rule).toBe('plateau')
    expect(window?.start_ns).toBeGreaterThanOrEqual(20 * S)
  })

  it('fails on a growing queue, even at a steady output rate', () => {
    const overloaded = even(60, (s) => 0.5 + s / 4)
    const { window, findings } = chosen(
      overloaded,
      power(() => 400, 80),
    )
    expect(window?.rule).toBe('run')
    expect(findings[0]).toMatchObject({ code: 'no_steady_window' })
    expect(
      chosen(
        overloaded,
        power(() => 400, 80),
        'plateau',
      ).reason,
    ).toBe('no_window')
  })

  it('judges what is recorded where power is not', () => {
    expect(chosen(even(60), []).window?.rule).toBe('plateau')
  })

  it('counts the steps of an energy counter as power', () => {
    const counter: SampleRow[] = Array.from({ length: 61 }, (_, i) => ({
      t_ns: i * S,
      device_id: 'GPU-1',
      metric: 'gpu_energy_mj',
      value: i < 31 ? 100_000 * i : 3_000_000 + 400_000 * (i - 30),
    }))
    const { window } = chosen(even(60), counter)
    expect(window?.rule).toBe('plateau')
    expect(windowSeconds(window as Window)).toBeLessThan(32)
  })
})
