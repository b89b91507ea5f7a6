import { describe, expect, it } from 'vitest'
import { processFindings } from '../../../analysis/findings/process-findings.ts'
import { requestFindings } from '../../../analysis/findings/request-findings.ts'
import type { FindingCode } from '../../../analysis/schema/finding.ts'
import type { EventRow, RequestRow } from '../../../analysis/schema/stream.ts'
import { chooseWindow, runWindow, type Window } from '../../../analysis/window.ts'
import { type RunParts, runOf, streamed } from '../run-of.ts'

function findings(parts: RunParts, window?: Window) {
  const run = runOf(parts)
  return requestFindings(run, window ?? runWindow(run))
}
const found = (parts: RunParts, code: FindingCode, window?: Window) =>
  findings(parts, window).find((f) => f.code === code)

const many = (n: number, more: (i: number) => Partial<RequestRow> = () => ({})): RequestRow[] =>
  Array.from({ length: n }, (_, i) => streamed(`r${i}`, 10 * i, [10 * i + 5, 10 * i + 9], more(i)))
const error = { outcome: 'error', error_layer: 'http', error_code: '500' } as const
const event = (code: string, detail: unknown): EventRow => ({
  t_ns: 0,
  code,
  detail: JSON.stringify(detail),
})

describe('failures', () => {
  it('are told over 1 % and invalid over 5 %', () => {
    const share = (failed: number) =>
      found({ requests: many(100, (i) => (i < failed ? error : {})) }, 'failures_above_threshold')
    expect(share(1)).toBeUndefined()
    expect(share(2)?.severity).toBe('caution')
    expect(share(5)?.severity).toBe('caution')
    expect(share(6)).toMatchObject({ severity: 'invalid', evidence: { failed: 6, ended: 100 } })
    expect(share(6)?.message).toContain('http 500')
  })

  it('of all requests are a finding of their own', () => {
    expect(found({ requests: many(3, () => error) }, 'all_requests_failed')?.severity).toBe(
      'invalid',
    )
  })

  it('are not what the end of the load cut off: that is censored', () => {
    const parts = { requests: many(10, (i) => (i === 9 ? { outcome: 'cancelled' } : {})) }
    expect(found(parts, 'failures_above_threshold')).toBeUndefined()
    expect(found(parts, 'censored_requests')).toMatchObject({
      severity: 'caution',
      evidence: { cut: 1, sent: 10 },
    })
  })
})

describe('tokens', () => {
  it('of another length than asked for are told', () => {
    const parts = { requests: many(4, (i) => ({ requested_output_tokens: i === 0 ? 5 : 2 })) }
    expect(found(parts, 'length_mismatch')?.message).toContain('1 of 4 answers')
    expect(
      found({ requests: many(4, () => ({ requested_output_tokens: 2 })) }, 'length_mismatch'),
    ).toBeUndefined()
    expect(
      found({ requests: many(1, () => ({ outcome: 'length_mismatch' })) }, 'length_mismatch'),
    ).toBeDefined()
  })

  it('that the engine counts otherwise than the chunks are told over 2 %', () => {
    // 100 requests of 2 tokens; the engine says 3 for some: 4 of 204 are 1.96 %, 5 of 205 are 2.4 %
    const off = (n: number) => ({ requests: many(100, (i) => (i < n ? { output_tokens: 3 } : {})) })
    expect(found(off(4), 'token_source_disagreement')).toBeUndefined()
    expect(found(off(5), 'token_source_disagreement')?.severity).toBe('caution')
  })

  it('that only chunks count are told', () => {
    const parts = { requests: many(2, () => ({ output_tokens: null, chunk_tokens: null })) }
    expect(found(parts, 'token_source_disagreement')?.evidence).toMatchObject({ by_chunk: 2 })
  })

  it('joined in delivery are told over 5 % zero gaps', () => {
    const joined = (n: number) => ({
      requests: Array.from({ length: 100 }, (_, i) => streamed(`r${i}`, 0, [5, i < n ? 5 : 6])),
    })
    expect(found(joined(5), 'chunks_coalesced')).toBeUndefined()
    expect(found(joined(6), 'chunks_coalesced')?.evidence).toMatchObject({ zeros: 6, gaps: 100 })
  })

  it('from the prefix cache are told over 5 %', () => {
    const hits = (cached_input_tokens: number) => ({
      requests: many(2, () => ({ input_tokens: 100, cached_input_tokens })),
    })
    expect(found(hits(5), 'prefix_cache_hits')).toBeUndefined()
    expect(found(hits(6), 'prefix_cache_hits')?.severity).toBe('info')
  })

  it('of few requests have no tail', () => {
    expect(found({ requests: many(99) }, 'n_too_small')?.message).toContain('p99 and p99.9')
    expect(found({ requests: many(100) }, 'n_too_small')?.message).not.toContain('p99 and')
    expect(found({ requests: many(1000) }, 'n_too_small')).toBeUndefined()
  })
})

describe('the steady window', () => {
  it('is short under 20 s, and worth a word under 60 s', () => {
    const of = (seconds: number, rule = 'saturation') =>
      found({ requests: many(5) }, 'short_steady_state', {
        start_ns: 0,
        end_ns: seconds * 1e9,
        rule,
      })?.severity
    expect([of(19.9), of(20), of(59), of(60), of(5, 'run')]).toEqual([
      'caution',
      'info',
      'info',
      undefined,
      undefined,
    ])
  })

  it('is unbalanced by 5 %, and invalid by 15 %, when it is asked for by name', () => {
    // 4 slots of 3 requests: few first tokens lie within
    const requests = Array.from({ length: 12 }, (_, i) => {
      const sent = 1000 * Math.floor(i / 4) + i
      return streamed(`r${i}`, sent, [sent + 300, sent + 600, sent + 990])
    })
    const experiment = { load: { concurrency: 4 }, phases: { window: 'saturation' } }
    const run = runOf({ requests, experiment })
    const finding = requestFindings(run, chooseWindow(run).window).find(
      (f) => f.code === 'prefill_unbalanced',
    )
    expect(finding?.severity).toBe('invalid')
    expect(found({ requests, experiment }, 'prefill_unbalanced')).toBeUndefined()
  })

  it('with a trend of output rate or power is not settled', () => {
    const requests = Array.from({ length: 100 }, (_, i) => {
      const sent = 100 * i
      // Ever more tokens: 1 at first, 10 at last
      const n = 1 + Math.floor(i / 10)
      return streamed(
        `r${i}`,
        sent,
        Array.from({ length: n }, (_, k) => sent + 1 + k),
      )
    })
    const window = { start_ns: 0, end_ns: 10e9, rule: 'saturation' }
    expect(found({ requests }, 'non_stationary', window)?.message).toContain('output rate rises')
    const level = Array.from({ length: 100 }, (_, i) => streamed(`r${i}`, 100 * i, [100 * i + 50]))
    expect(found({ requests: level }, 'non_stationary', window)).toBeUndefined()
  })

  it('after a warm-up that did not settle is told', () => {
    const parts = (converged: boolean | null): RunParts => ({
      requests: many(3),
      events: [event('warmup', { converged, cv: 0.12, requests: 20 })],
    })
    expect(found(parts(false), 'warmup_not_converged')?.message).toContain('12 %')
    expect(found(parts(true), 'warmup_not_converged')).toBeUndefined()
    expect(found(parts(null), 'warmup_not_converged')).toBeUndefined()
    const broken = { requests: many(3), events: [{ t_ns: 0, code: 'warmup', detail: '{' }] }
    expect(found(broken, 'warmup_not_converged')).toBeUndefined()
  })
})

describe('the load generator', () => {
  it('is saturated by its own loop, load or pauses', () => {
    // TPOT of `many` is 4 ms: a tenth is 0.4, yet 5 ms is the least that counts
    const self = (detail: Record<string, number>) =>
      found({ requests: many(3), events: [event('client_self', detail)] }, 'client_saturated')
    expect(self({ loop_delay_p99_ms: 5, event_loop_utilisation: 0.85 })).toBeUndefined()
    expect(self({ loop_delay_p99_ms: 5.1 })?.severity).toBe('invalid')
    expect(self({ event_loop_utilisation: 0.86 })?.message).toContain('86 %')
    expect(self({ gc_pause_max_ms: 51 })).toBeDefined()
  })

  const lagging = (lag_ms: number, late = 100): RequestRow[] =>
    Array.from({ length: 100 }, (_, i) => {
      const sent = 100 * i + (i < late ? lag_ms : 0)
      return streamed(`r${i}`, sent, [sent + 5], { scheduled_t_ns: 1e8 * i })
    })
  const constant = (more = {}) => ({ load: { shape: 'constant', rate: 10, ...more } })

  it('sends late over a tenth of the mean gap', () => {
    // Mean gap 100 ms: 10 ms may pass
    expect(findings({ requests: lagging(9), experiment: constant() }).map((f) => f.code)).toEqual([
      'n_too_small',
    ])
    const codes = findings({ requests: lagging(11), experiment: constant() }).map((f) => f.code)
    expect(codes).toContain('send_lag_high')
    expect(codes).toContain('client_saturated')
  })

  it('is not to blame for a limit of requests in flight', () => {
    const parts = { requests: lagging(50), experiment: constant({ concurrency: 1 }) }
    expect(found(parts, 'client_saturated')).toBeUndefined()
    expect(found(parts, 'send_lag_high')).toBeDefined()
  })

  it('must keep the arrivals that their label promises', () => {
    const arrivals = (shape: string, times_s: readonly number[], rate = 10): RunParts => ({
      experiment: { load: { shape, rate } },
      requests: times_s.map((t, i) =>
        streamed(`r${i}`, 1000 * t, [1000 * t + 5], { scheduled_t_ns: 1e9 * t }),
      ),
    })
    const grid = Array.from({ length: 300 }, (_, i) => i / 10)
    expect(found(arrivals('constant', grid), 'arrival_mismatch')).toBeUndefined()
    const off = grid.map((t, i) => (i === 7 ? t + 0.003 : t))
    expect(found(arrivals('constant', off), 'arrival_mismatch')?.message).toContain('3.0 ms')
    // An even grid called Poisson disperses too little
    expect(found(arrivals('poisson', grid), 'arrival_mismatch')?.evidence).toMatchObject({
      ratio: 0,
    })
    let state = 1
    const random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return (state + 0.5) / 2 ** 32
    }
    let at = 0
    const poisson = Array.from({ length: 2000 }, () => (at += -Math.log(random()) / 10))
    expect(found(arrivals('poisson', poisson), 'arrival_mismatch')).toBeUndefined()
  })
})

describe('a run without requests', () => {
  it('has none of these findings', () => {
    expect(findings({ phases: [['measure', 0, 10]] })).toEqual([])
  })
})

describe('processes of one run', () => {
  const rank = (rank: number, from_s: number, to_s: number, world_size = 2) => ({
    process_id: `p${rank}-${from_s}`,
    rank,
    world_size,
    clock: [from_s, to_s].map((s) => ({ t_ns: s * 1e9, wall_unix_ns: `${s}000000000` })),
  })
  const codes = (...processes: NonNullable<RunParts['processes']>) =>
    processFindings(runOf({ processes })).map((f) => f.code)

  it('are whole when every rank is there once and they run together', () => {
    expect(codes(rank(0, 0, 10), rank(1, 1, 11))).toEqual([])
    expect(codes({ process_id: 'p' })).toEqual([])
  })

  it('lack a rank, or have one twice', () => {
    expect(codes(rank(0, 0, 10))).toEqual(['ranks_incomplete'])
    expect(codes(rank(0, 0, 10), rank(0, 1, 10), rank(1, 0, 10))).toEqual(['ranks_incomplete'])
  })

  it('must share half of the shortest one', () => {
    // 0 to 10 and 6 to 16 share 4 of 10 s
    expect(codes(rank(0, 0, 10), rank(1, 6, 16))).toEqual(['no_temporal_overlap'])
    expect(codes(rank(0, 0, 10), rank(1, 5, 15))).toEqual([])
  })
})

describe('the batch of a saturated window', () => {
  // Eight slots, 0 to 100 ms
  const window: Window = { start_ns: 0, end_ns: 100e6, rule: 'saturation' }
  const experiment = { load: { shape: 'closed', concurrency: 8 } }
  const gauge = (rows: readonly (readonly [number, number])[], labels: string | null = null) =>
    rows.map(([ms, value]) => ({
      t_ns: ms * 1e6,
      metric: 'vllm:num_requests_running',
      labels,
      value,
    }))
  const of = (engine: RunParts['engine'], more: Partial<RunParts> = {}, w: Window = window) =>
    found({ experiment, engine: engine ?? [], ...more }, 'low_batch_utilisation', w)

  it('is too small under 85 % of the slots, by time', () => {
    // 8 for 50 ms and 5 for 50 ms: 6.5 of 8
    expect(
      of(
        gauge([
          [-10, 8],
          [50, 5],
        ]),
      ),
    ).toMatchObject({
      severity: 'caution',
      evidence: { running: 6.5, slots: 8 },
    })
    // 8 for 60 ms: 6.8
    expect(
      of(
        gauge([
          [-10, 8],
          [60, 5],
        ]),
      ),
    ).toBeUndefined()
  })

  it('is that of all engines together, of as many slots as the engine takes', () => {
    const two = [...gauge([[0, 4]], '{"engine":"0"}'), ...gauge([[0, 4]], '{"engine":"1"}')]
    expect(of(two)).toBeUndefined()
    expect(of(two.slice(1))?.evidence).toMatchObject({ running: 4 })
    expect(of(two.slice(1), { environment: { engine: { batch_limit: 4 } } })).toBeUndefined()
  })

  it('is read from the steps of an engine that has no gauge', () => {
    const steps = [
      { start_t_ns: -10e6, end_t_ns: 30e6, batch_size: 2 },
      { start_t_ns: 30e6, end_t_ns: 110e6, batch_size: 8 },
    ]
    // 2 for 30 ms, 8 for 70 ms
    expect(of([], { steps })?.evidence['running']).toBeCloseTo(6.2, 12)
  })

  it('is not judged where the engine tells nothing, or of less than half of the window', () => {
    expect(of([])).toBeUndefined()
    expect(of(gauge([[60, 1]]))).toBeUndefined()
    expect(of(gauge([[0, 1]]), {}, { ...window, rule: 'run' })).toBeUndefined()
  })
})
