import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pooledLatency } from '../../../analysis/comparing/aggregate.ts'
import { latencyMetrics } from '../../../analysis/requests/latency.ts'
import { CANON, type CanonMetric, canonOf, summaryKeys } from '../../../analysis/schema/canon.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import { chooseWindow, runWindow, type Window } from '../../../analysis/window.ts'
import { runOf, streamed } from '../run-of.ts'

const ms = (...times: number[]) => times.map((t) => t * 1e6)

/** The stream that tools count differently: role at 6 ms, text at 37, 49, 61, 85, an empty finish at 95, closed at 99. */
const disputed: RequestRow = {
  request_id: 'a',
  phase: 'measure',
  sent_t_ns: 0,
  done_t_ns: 97e6,
  closed_t_ns: 99e6,
  chunk_t_ns: ms(6, 37, 49, 61, 85, 95),
  chunk_kind: ['role', 'content', 'content', 'content', 'content', 'finish'],
  chunk_tokens: [0, -1, -1, -1, -1, 0],
  output_tokens: 5,
  outcome: 'ok',
  mode: 'streamed',
}

function metrics(requests: readonly RequestRow[], experiment: Record<string, unknown> = {}) {
  const run = runOf({ requests, experiment })
  return latencyMetrics(run, runWindow(run))
}

describe('latency of one request', () => {
  it('begins at the first token chunk and ends at the last: role and finish bear none', () => {
    const m = metrics([disputed])
    expect(m['ttft_ms_mean']?.value).toBe(37)
    expect(m['ttst_ms_mean']?.value).toBe(12)
    expect(m['e2e_ms_mean']?.value).toBe(85)
    expect(m['e2e_close_ms_mean']?.value).toBe(99)
    // (85 - 37) / (5 - 1)
    expect(m['tpot_ms_mean']?.value).toBe(12)
    expect(m['user_speed_tok_s_mean']?.value).toBeCloseTo(1000 / 12, 9)
    // gaps 12, 12, 24
    expect(m['icl_ms_mean']?.value).toBe(16)
    expect(m['icl_ms_p50']?.value).toBe(12)
    expect(m['icl_ms_max']?.value).toBe(24)
    expect(m['icl_ms_mean']?.n).toBe(3)
  })

  it('shows gaps between chunks, flagged, where tokens of chunks are unknown', () => {
    const m = metrics([disputed])
    expect(m['itl_ms_mean']).toMatchObject({ value: 16, provenance: 'chunk_gaps' })
    expect(m['tpot_first_chunk_adjusted_ms_mean']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
  })

  it('splits a gap evenly over the tokens of its chunk, and none over the extras of the first', () => {
    // First chunk 3 tokens at 10; 2 tokens after 20 ms; 1 after 5: gaps 10, 10, 5
    const row = streamed('a', 0, [10, 30, 35], { chunk_tokens: [3, 2, 1], output_tokens: 6 })
    const m = metrics([row])
    expect(m['itl_ms_mean']?.n).toBe(3)
    expect(m['itl_ms_mean']?.value).toBeCloseTo(25 / 3, 12)
    expect(m['icl_ms_mean']?.value).toBe(12.5)
    // 25 / (6 - 3); 25 / 5
    expect(m['tpot_first_chunk_adjusted_ms_mean']?.value).toBeCloseTo(25 / 3, 12)
    expect(m['tpot_ms_mean']?.value).toBe(5)
  })

  it('keeps zero gaps and counts them', () => {
    const m = metrics([streamed('a', 0, [10, 10, 20])])
    expect(m['icl_ms_min']?.value).toBe(0)
    expect(m['icl_ms_mean']).toMatchObject({ value: 5, n: 2 })
  })

  it('trims the first and last of three or more gaps, and keeps none of fewer', () => {
    // Gaps 30, 35, 20, 45: 35 and 20 stay
    const m = metrics([streamed('a', 0, [10, 40, 75, 95, 140]), streamed('b', 0, [10, 20, 30])])
    expect(m['itl_trimmed_ms_mean']).toMatchObject({ value: 27.5, n: 2 })
    expect(metrics([streamed('b', 0, [10, 20, 30])])['itl_trimmed_ms_mean']?.value).toBeNull()
  })

  it('tells the first answer token from reasoning', () => {
    const row = streamed('a', 0, [10, 20, 30], {
      chunk_kind: ['reasoning', 'reasoning', 'content'],
    })
    const m = metrics([row])
    expect(m['ttft_ms_mean']?.value).toBe(10)
    expect(m['ttfo_ms_mean']?.value).toBe(30)
    const hidden = streamed('a', 0, [10], { chunk_kind: ['reasoning'] })
    expect(metrics([hidden])['ttfo_ms_mean']).toMatchObject({
      value: null,
      reason: 'no_output_tokens',
    })
  })

  it('gives each missing value its reason', () => {
    const single = metrics([streamed('a', 0, [10])])
    expect(single['tpot_ms_mean']?.reason).toBe('single_token')
    expect(single['ttst_ms_mean']?.reason).toBe('single_token')
    expect(single['icl_ms_mean']?.reason).toBe('single_token')
    const piece = metrics([
      {
        request_id: 'a',
        phase: 'measure',
        sent_t_ns: 0,
        done_t_ns: 50e6,
        closed_t_ns: 51e6,
        output_tokens: 5,
        outcome: 'ok',
        mode: 'per_request_batch',
      },
    ])
    expect(piece['e2e_ms_mean']?.value).toBe(50)
    for (const id of ['ttft_ms', 'tpot_ms', 'icl_ms', 'itl_ms'])
      expect(piece[`${id}_mean`]).toMatchObject({ value: null, reason: 'not_streamed' })
    expect(piece['queue_time_ms_mean']?.reason).toBe('not_recorded')
  })

  it('never counts an invented spread of tokens', () => {
    // proportional: 900 ms in equal steps; only the end is known
    const row = streamed('a', 0, [150, 337.5, 525, 712.5, 900], {
      mode: 'proportional',
      done_t_ns: 900e6,
    })
    const m = metrics([row])
    expect(m['ttft_ms_mean']?.reason).toBe('not_streamed')
    expect(m['e2e_ms_mean']?.value).toBe(900)
  })

  it('takes queue time from the engine alone', () => {
    const row = streamed('a', 0, [10], { engine_arrival_t_ns: 1e6, engine_scheduled_t_ns: 4e6 })
    expect(metrics([row])['queue_time_ms_mean']).toMatchObject({ value: 3, provenance: 'engine' })
  })
})

describe('coordinated omission', () => {
  // Planned at 0, 40, 80 ms; one connection; 70 ms service: sent at 0, 70, 140
  const requests = [0, 1, 2].map((i) =>
    streamed(`r${i}`, 70 * i, [70 * i + 70], { scheduled_t_ns: 40e6 * i }),
  )

  it('shows in the latency from schedule, not in the one from send', () => {
    const m = metrics(requests, { load: { shape: 'constant', rate: 25 } })
    expect([
      m['send_lag_ms_min']?.value,
      m['send_lag_ms_p50']?.value,
      m['send_lag_ms_max']?.value,
    ]).toEqual([0, 30, 60])
    expect([m['e2e_ms_min']?.value, m['e2e_ms_max']?.value]).toEqual([70, 70])
    expect([
      m['e2e_sched_ms_min']?.value,
      m['e2e_sched_ms_p50']?.value,
      m['e2e_sched_ms_max']?.value,
    ]).toEqual([70, 100, 130])
  })

  it('has no schedule in a closed loop', () => {
    const m = metrics(requests, { load: { shape: 'closed', concurrency: 1 } })
    for (const id of ['send_lag_ms', 'ttft_sched_ms', 'e2e_sched_ms'])
      expect(m[`${id}_p50`]).toMatchObject({ value: null, reason: 'not_recorded' })
  })
})

describe('distributions', () => {
  it('weigh request metrics by request and gap lists by gap', () => {
    // 3 tokens 60 ms apart, 31 tokens 20 ms apart: by request (60 + 20) / 2, by gap (2 × 60 + 30 × 20) / 32
    const times = (n: number, gap: number) => Array.from({ length: n }, (_, i) => 10 + i * gap)
    const m = metrics([streamed('a', 0, times(3, 60)), streamed('b', 0, times(31, 20))])
    expect(m['tpot_ms_mean']?.value).toBe(40)
    expect(m['itl_ms_mean']?.value).toBe(22.5)
  })

  it('publish every statistic of every latency, with a reason where there is none', () => {
    const m = metrics([streamed('a', 0, [10, 20])])
    for (const [id, row] of Object.entries(CANON as Record<string, CanonMetric>)) {
      if (row.section !== 'latency') continue
      for (const key of summaryKeys(id, row)) {
        const value = m[key]
        expect(value, key).toBeDefined()
        expect(value?.value === null).toBe(value?.reason !== null)
      }
    }
  })

  it('give no p99 under 100 values and bound it from above only from 368 on', () => {
    const of = (n: number) =>
      metrics(Array.from({ length: n }, (_, i) => streamed(`r${i}`, 0, [10 + i, 500 + i])))
    expect(of(99)['ttft_ms_p99']).toMatchObject({ value: null, reason: 'n_too_small', n: 99 })
    expect(of(100)['ttft_ms_p99']?.value).toBeCloseTo(10 + 98.01, 9)
    expect(of(367)['ttft_ms_p99']).toMatchObject({ high: null })
    // The largest of 368: 10 + 367
    expect(of(368)['ttft_ms_p99']?.high).toBe(377)
    expect(of(368)['ttft_ms_p999']?.reason).toBe('n_too_small')
  })

  it('take only successes of the measured load', () => {
    const failed = streamed('b', 0, [900], { outcome: 'error', error_layer: 'stream' })
    const warm = streamed('c', 0, [700], { phase: 'warmup' })
    const run = runOf({ requests: [streamed('a', 0, [10, 20]), failed, warm] })
    expect(latencyMetrics(run, runWindow(run))['ttft_ms_mean']).toMatchObject({ value: 10, n: 1 })
  })

  it('count a request in the window of its last token, whole, and a gap where it closes', () => {
    const window: Window = { start_ns: 15e6, end_ns: 30e6, rule: 'fixed' }
    const run = runOf({
      requests: [streamed('a', 0, [10, 20, 30]), streamed('b', 0, [10, 20, 40])],
    })
    const m = latencyMetrics(run, window)
    expect(m['e2e_ms_mean']).toMatchObject({ value: 30, n: 1 })
    // a: 10 to 20, 20 to 30; b: 10 to 20; b's 20 to 40 closes after the window
    expect(m['icl_ms_mean']).toMatchObject({ value: 10, n: 3 })
  })

  it('are null without window or requests, with the reason', () => {
    const run = runOf({})
    expect(latencyMetrics(run, null)['ttft_ms_p50']).toMatchObject({
      value: null,
      reason: 'no_window',
    })
    const window: Window = { start_ns: 0, end_ns: 1e9, rule: 'phase' }
    expect(latencyMetrics(run, window)['itl_ms_p50']).toMatchObject({
      value: null,
      reason: 'no_requests',
    })
  })

  it('bound gaps by blocks of time, and only where time holds ten of them', () => {
    const times = Array.from({ length: 400 }, (_, i) => 10 + i * 10 + (i % 3))
    const m = metrics([streamed('a', 0, times)])
    const { value, low, high } = m['icl_ms_p90'] ?? {}
    expect(low as number).toBeLessThanOrEqual(value as number)
    expect(high as number).toBeGreaterThanOrEqual(value as number)
    expect(metrics([streamed('a', 0, times.slice(0, 50))])['icl_ms_p90']).toMatchObject({
      low: null,
    })
  })
})

describe('laws of latency', () => {
  const times = fc
    .array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 })
    .map((gaps) =>
      gaps.map(
        (
          (at) => (g: number) =>
            (at += g)
        )(0),
      ),
    )
  const rows = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 5000 }), times), { minLength: 1, maxLength: 12 })
    .map((list) =>
      list.map(([sent, t], i) =>
        streamed(
          `r${i}`,
          sent,
          t.map((x) => sent + x),
        ),
      ),
    )

  it('the order of the requests does not matter', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (list, turn) => {
        const k = turn % list.length
        const turned = [...list.slice(k), ...list.slice(0, k)].reverse()
        const [a, b] = [metrics(list), metrics(turned)]
        for (const key of Object.keys(a)) {
          expect(b[key]?.n).toBe(a[key]?.n)
          if (a[key]?.value == null) expect(b[key]?.reason).toBe(a[key]?.reason)
          else expect(b[key]?.value).toBeCloseTo(a[key]?.value as number, 9)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('a request recorded twice counts once', () => {
    fc.assert(
      fc.property(rows, (list) => {
        expect(metrics([...list, ...list])).toEqual(metrics(list))
      }),
      { numRuns: 30 },
    )
  })

  it('percentiles never fall from p50 to p95, and lie within least and largest', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const m = metrics(list)
        for (const id of ['ttft_ms', 'e2e_ms', 'icl_ms', 'itl_ms']) {
          const values = ['min', 'p50', 'p90', 'p95', 'max'].map((s) => m[`${id}_${s}`]?.value)
          if (values.includes(null)) continue
          expect([...values].sort((a, b) => (a as number) - (b as number))).toEqual(values)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('with failures', () => {
  const ended = (id: string, first_ms: number, outcome: string | null = null) =>
    streamed(id, 0, [first_ms, first_ms + 10], outcome === null ? {} : { outcome })
  /** Successes at 1, 2, 3 ... ms to the first token, then failures at 1000 ms. */
  const mixed = (good: number, bad: number, experiment: Record<string, unknown> = {}) =>
    metrics(
      [
        ...Array.from({ length: good }, (_, i) => ended(`g${i}`, i + 1)),
        ...Array.from({ length: bad }, (_, i) => ended(`b${i}`, 1000, 'timeout')),
      ],
      experiment,
    )

  it('a failure is infinitely slow, by nearest rank', () => {
    const m = mixed(18, 2)
    // Of 20: ranks 10, 18, 19; without failures rank 8.5 of 18 values
    expect(m['ttft_ms_with_failures_p50']).toMatchObject({ value: 10, n: 20 })
    expect(m['ttft_ms_with_failures_p90']).toMatchObject({ value: 18, high: null })
    expect(m['ttft_ms_with_failures_p95']).toMatchObject({
      value: null,
      reason: 'failures_dominate',
      n: 20,
    })
    expect(m['ttft_ms_p50']?.value).toBe(9.5)
    expect(m['e2e_ms_with_failures_p50']?.value).toBe(20)
    expect(m['tpot_ms_with_failures_p50']?.value).toBe(10)
    expect(m['ttft_ms_with_failures_p99']?.reason).toBe('n_too_small')
  })

  it('dropping slow work cannot help', () => {
    // Forty requests, of which the ten slowest are given up after 25 ms instead of answered
    const whole = mixed(40, 0)
    const dropped = mixed(30, 10)
    expect(dropped['ttft_ms_p90']?.value).toBeLessThan(whole['ttft_ms_p90']?.value as number)
    expect(whole['ttft_ms_with_failures_p90']?.value).toBe(36)
    expect(dropped['ttft_ms_with_failures_p90']?.reason).toBe('failures_dominate')
  })

  it('without a success every percentile is without bound, without a request there is none', () => {
    expect(mixed(0, 3)['e2e_ms_with_failures_p50']).toMatchObject({
      value: null,
      reason: 'failures_dominate',
      n: 3,
    })
    const window: Window = { start_ns: 0, end_ns: 1e9, rule: 'phase' }
    expect(latencyMetrics(runOf({}), window)['e2e_ms_with_failures_p50']?.reason).toBe(
      'no_requests',
    )
  })

  it('has what its successes have: no single tokens of an answer in one piece, no schedule in a closed loop', () => {
    const piece: RequestRow = {
      ...ended('a', 10),
      mode: 'per_request_batch',
      done_t_ns: 20e6,
    }
    const m = metrics([piece, ended('b', 1000, 'error')], { load: { shape: 'closed' } })
    expect(m['ttft_ms_with_failures_p50']?.reason).toBe('not_streamed')
    expect(m['e2e_ms_with_failures_p50']).toMatchObject({ value: 20, n: 2 })
    expect(m['e2e_sched_ms_with_failures_p50']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
    const open = [
      streamed('a', 5, [10, 20], { scheduled_t_ns: 0 }),
      streamed('b', 5, [10], { scheduled_t_ns: 0, outcome: 'refused' }),
    ]
    const planned = metrics(open, { load: { shape: 'constant', rate: 1 } })
    expect(planned['e2e_sched_ms_with_failures_p50']).toMatchObject({ value: 20, n: 2 })
  })

  it('never lies below the percentile of successes, and rises with the fraction', () => {
    const counts = fc.integer({ min: 1, max: 60 })
    fc.assert(
      fc.property(counts, fc.integer({ min: 0, max: 60 }), (good, bad) => {
        const m = mixed(good, bad)
        const of = (s: string) => m[`ttft_ms_with_failures_${s}`]
        let before = 0
        for (const s of ['p50', 'p90', 'p95']) {
          const { value, reason } = of(s) as { value: number | null; reason: string | null }
          expect(reason === null || reason === 'failures_dominate').toBe(true)
          // Nearest rank steps by at most one value below the interpolated one.
          const slow = value ?? Number.POSITIVE_INFINITY
          expect(slow).toBeGreaterThanOrEqual((m[`ttft_ms_${s}`]?.value as number) - 1)
          expect(slow).toBeGreaterThanOrEqual(before)
          before = slow
        }
      }),
      { numRuns: 60 },
    )
  })
})

describe('windows other than the own', () => {
  // Closed loop of one: 5 requests of 10 ms; saturation with B = 1 from 5 ms to the third end, at 30 ms
  const requests = Array.from({ length: 5 }, (_, i) =>
    streamed(`r${i}`, 10 * i, [10 * i + 5 - i, 10 * i + 10]),
  )
  const run = runOf({ requests, experiment: { load: { shape: 'closed', concurrency: 1 } } })
  const window = chooseWindow(
    runOf({
      requests,
      experiment: { load: { shape: 'closed', concurrency: 1 }, phases: { window: 'saturation' } },
    }),
  ).window

  it('have the main percentiles, of the requests and gaps of that window', () => {
    expect(window).toMatchObject({ start_ns: 5e6, end_ns: 30e6 })
    const m = latencyMetrics(run, window)
    // To the first token 5, 4, 3, 2, 1 ms; the window holds the first three
    expect(m['ttft_ms_p50']?.value).toBe(4)
    expect(m['ttft_ms_p50@steady']).toEqual(m['ttft_ms_p50'])
    expect(m['ttft_ms_p50@run']).toMatchObject({ value: 3, n: 5 })
    // Gaps 5, 6, 7, 8, 9
    expect(m['itl_ms_p50']?.value).toBe(6)
    expect(m['itl_ms_p50@run']).toMatchObject({ value: 7, n: 5 })
    expect(m['tpot_ms_p90@run']?.value).toBeCloseTo(8.6, 12)
    expect(m['e2e_ms_p50@run']?.value).toBe(10)
    expect(m['e2e_ms_p99@run']?.reason).toBe('n_too_small')
  })

  it('are there by name where there is no such window', () => {
    const m = latencyMetrics(run, runWindow(run))
    expect(m['ttft_ms_p50@run']).toEqual(m['ttft_ms_p50'])
    expect(m['ttft_ms_p50@steady']).toMatchObject({ value: null, reason: 'no_window' })
    expect(latencyMetrics(runOf({}), null)['itl_ms_p90@run']?.reason).toBe('no_window')
    // A rule that found nothing says nothing of the run
    expect(latencyMetrics(run, null)['ttft_ms_p50@run']?.value).toBe(3)
  })

  it('are keys of the registry', () => {
    const others = Object.keys(latencyMetrics(run, window)).filter((k) => k.includes('@'))
    expect(others).toHaveLength(2 * 4 * 4)
    for (const key of others) expect(canonOf(key)?.section, key).toBe('latency')
    expect(canonOf('ttft_ms_with_failures_p50')?.kind).toBe('distribution')
    expect(canonOf('ttft_ms_with_failures_mean')).toBeUndefined()
  })
})

describe('late aggregation', () => {
  it('pools requests and gaps of all runs before taking quantiles', () => {
    const window = { phases: { window: 'run' } }
    const fast = runOf({
      experiment: window,
      requests: [10, 20, 30].map((t) => streamed(`f${t}`, 0, [t, t + 5])),
    })
    const slow = runOf({ experiment: window, requests: [streamed('s', 0, [100, 140])] })
    const m = pooledLatency([fast, slow])
    // 10, 20, 30, 100: rank 1.5; mean of the medians would be 60
    expect(m['ttft_ms_p50']).toMatchObject({ value: 25, n: 4 })
    expect(m['icl_ms_mean']?.value).toBe((3 * 5 + 40) / 4)
    expect(chooseWindow(fast).window?.rule).toBe('run')
  })

  it('has no window where no run has one', () => {
    expect(pooledLatency([runOf({})])['ttft_ms_p50']?.reason).toBe('no_window')
  })
})
