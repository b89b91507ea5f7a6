import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { throughputMetrics } from '../../../analysis/requests/throughput.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import { runWindow, type Window } from '../../../analysis/window.ts'
import { type RunParts, runOf, streamed } from '../run-of.ts'

const fixed = (from_s: number, to_s: number, rule = 'fixed'): Window => ({
  start_ns: from_s * 1e9,
  end_ns: to_s * 1e9,
  rule,
})
const over = (window: Window, parts: RunParts) => throughputMetrics(runOf(parts), window)

describe('throughput', () => {
  it('is the tokens that arrived over the seconds', () => {
    // Tokens at 0.8, 1.3, 1.8, 2.3, 2.8, 3.3 s: 4 within 1 to 3 s
    const requests = [streamed('a', 0, [800, 1300, 1800, 2300, 2800, 3300])]
    const m = over(fixed(1, 3), { requests })
    expect(m['output_throughput_tok_s']?.value).toBe(2)
    // Its one prefill ended before
    expect(m['input_throughput_tok_s']?.value).toBe(0)
    expect(m['total_throughput_tok_s']?.value).toBe(2)
    // 1 running at each edge: ± 2 × root 2 / root 12 tokens over 2 s
    expect(m['output_throughput_tok_s']?.high).toBeCloseTo(2 + Math.sqrt(2 / 12), 12)
  })

  it('pools processes: 30 and 90 tokens in one window of 4 s are 30 token/s', () => {
    const tokens = (n: number) => Array.from({ length: n }, (_, i) => 100 + (3900 * (i + 1)) / n)
    const requests = [streamed('a', 0, tokens(30)), streamed('b', 0, tokens(90))]
    expect(over(fixed(0, 4), { requests })['output_throughput_tok_s']?.value).toBe(30)
  })

  it('per GPU counts the distinct GPUs used, and is null without any', () => {
    const requests = [streamed('a', 0, [500, 1000])]
    const devices = ['GPU-1', 'GPU-2', 'GPU-3'].map((device_id) => ({ device_id, kind: 'gpu' }))
    const processes = [
      { process_id: 'p', device_ids: ['GPU-1', 'GPU-2'] },
      { process_id: 'q', device_ids: ['GPU-2'] },
    ]
    const m = over(fixed(0, 1), { requests, devices, processes })
    expect(m['throughput_per_gpu_tok_s']?.value).toBe(1)
    expect(over(fixed(0, 1), { requests })['throughput_per_gpu_tok_s']?.reason).toBe('no_device')
  })

  it('of requests is completed over seconds for the run, by tokens for a part of it', () => {
    // 4 requests of 2 tokens, one after the other, 1 s each: the run is 4 s
    const requests = [0, 1, 2, 3].map((i) =>
      streamed(`r${i}`, 1000 * i, [1000 * i + 500, 1000 * i + 1000]),
    )
    const run = runOf({ requests })
    const m = throughputMetrics(run, fixed(1.2, 3.2, 'saturation'))
    // Tokens at 1.5, 2, 2.5, 3: 4 over 2 s over 2 tokens a request
    expect(m['request_throughput_req_s']?.value).toBe(1)
    expect(m['request_throughput_req_s@steady']?.value).toBe(1)
    expect(m['request_throughput_req_s@run']?.value).toBe(1)
    expect(m['output_throughput_tok_s@run']?.value).toBe(2)
    const whole = throughputMetrics(run, runWindow(run))
    expect(whole['request_throughput_req_s']?.value).toBe(1)
    expect(whole['request_throughput_req_s@steady']?.reason).toBe('no_window')
  })

  it('is 0 where no token came, and null with a reason where nothing can be counted', () => {
    const failed: RequestRow = {
      request_id: 'a',
      phase: 'measure',
      sent_t_ns: 0,
      closed_t_ns: 1e9,
      outcome: 'refused',
    }
    const m = over(fixed(0, 1, 'run'), { requests: [failed] })
    expect(m['output_throughput_tok_s']?.value).toBe(0)
    expect(m['request_throughput_req_s']).toMatchObject({ value: null, reason: 'no_requests' })
    expect(m['requests_failed']?.value).toBe(1)
    expect(m['prefill_balance']?.reason).toBe('no_output_tokens')
    const none = throughputMetrics(runOf({}), null)
    expect(none['output_throughput_tok_s']?.reason).toBe('no_window')
    expect(over(fixed(0, 1), {})['output_tokens']?.reason).toBe('no_requests')
  })
})

describe('concurrency', () => {
  it('has departures before arrivals at one instant', () => {
    const requests = [streamed('a', 0, [1000]), streamed('b', 1000, [2000])]
    const m = over(fixed(0, 2), { requests })
    expect(m['concurrency_peak']?.value).toBe(1)
    expect(m['concurrency_mean']?.value).toBe(1)
  })

  it('counts a request that never ended to the end of the window', () => {
    const open: RequestRow = { request_id: 'b', phase: 'measure', sent_t_ns: 1e9 }
    const m = over(fixed(0, 4), { requests: [streamed('a', 0, [2000]), open] })
    // (2 + 3) / 4
    expect(m['concurrency_mean']?.value).toBe(1.25)
    expect(m['concurrency_peak']?.value).toBe(2)
  })
})

describe('goodput', () => {
  const slo = { ttft_ms: 100, tpot_ms: 50 }
  it('counts requests that meet every limit, itself included', () => {
    const requests = [
      streamed('exact', 0, [100, 150]),
      streamed('late', 0, [101, 150]),
      streamed('slow', 0, [50, 101]),
      streamed('one', 0, [90]),
      streamed('failed', 0, [90], { outcome: 'error', output_tokens: null }),
    ]
    const m = over(fixed(0, 1), { requests, experiment: { slo } })
    // exact and one token, to which a limit per token does not apply; of 5 that ended
    expect(m['goodput_req_s']?.value).toBe(2)
    expect(m['good_fraction']).toMatchObject({ value: 0.4, n: 5 })
  })

  it('holds an inter-token limit for every gap, and an unmeasured latency for a miss', () => {
    const piece: RequestRow = {
      request_id: 'p',
      phase: 'measure',
      sent_t_ns: 0,
      done_t_ns: 5e8,
      output_tokens: 4,
      outcome: 'ok',
      mode: 'per_request_batch',
    }
    const requests = [streamed('a', 0, [10, 20, 90]), streamed('b', 0, [10, 20, 30]), piece]
    const m = over(fixed(0, 1), { requests, experiment: { slo: { itl_ms: 50 } } })
    expect(m['goodput_req_s']?.value).toBe(1)
  })

  it('is null where no limit is stated', () => {
    const m = over(fixed(0, 1), { requests: [streamed('a', 0, [10])] })
    expect(m['goodput_req_s']).toMatchObject({ value: null, reason: 'not_recorded' })
  })
})

describe('offered rate', () => {
  it('is what was due over the seconds, with the dispersion of seconds', () => {
    const requests = Array.from({ length: 20 }, (_, i) =>
      streamed(`r${i}`, 500 * i, [500 * i + 10], { scheduled_t_ns: 5e8 * i }),
    )
    const m = over(fixed(0, 9.9), {
      requests,
      experiment: { load: { shape: 'constant', rate: 2 } },
    })
    expect(m['offered_rate_req_s']?.value).toBeCloseTo(20 / 9.9, 12)
    // Two in each of nine whole seconds
    expect(m['arrival_dispersion']).toMatchObject({ value: 0, n: 9 })
    expect(over(fixed(0, 9.9), { requests })['offered_rate_req_s']?.reason).toBe('not_recorded')
  })
})

describe('laws of throughput', () => {
  const rows = fc
    .array(
      fc.record({
        sent: fc.integer({ min: 0, max: 5000 }),
        gaps: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 }),
        ok: fc.boolean(),
      }),
      { minLength: 1, maxLength: 20 },
    )
    .map((list) =>
      list.map(({ sent, gaps, ok }, i) => {
        let at = sent
        const times = gaps.map((g) => (at += g))
        return streamed(`r${i}`, sent, times, { outcome: ok ? 'ok' : 'error' })
      }),
    )

  it('goodput never lies above throughput', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 500 }), (list, ttft_ms) => {
        const run = runOf({ requests: list, experiment: { slo: { ttft_ms } } })
        const m = throughputMetrics(run, runWindow(run))
        const good = m['goodput_req_s']?.value ?? 0
        expect(good).toBeLessThanOrEqual(m['request_throughput_req_s']?.value ?? 0)
      }),
    )
  })

  it('mean concurrency of the run is the summed latency over its seconds', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const run = runOf({ requests: list })
        const window = runWindow(run) as Window
        const m = throughputMetrics(run, window)
        const summed = list.reduce(
          (n, r) => n + ((r.chunk_t_ns?.at(-1) ?? 0) - (r.sent_t_ns ?? 0)),
          0,
        )
        const mean = m['concurrency_mean']?.value as number
        expect(mean).toBeCloseTo(summed / (window.end_ns - window.start_ns), 9)
        expect(mean).toBeLessThanOrEqual((m['concurrency_peak']?.value as number) + 1e-9)
      }),
    )
  })

  it('throughput times seconds is the tokens, in any window', () => {
    const edge = fc.integer({ min: 0, max: 9000 })
    fc.assert(
      fc.property(rows, edge, edge, (list, a, b) => {
        if (a === b) return
        const window = fixed(Math.min(a, b) / 1000, Math.max(a, b) / 1000)
        const m = over(window, { requests: list })
        const seconds = (window.end_ns - window.start_ns) / 1e9
        expect((m['output_throughput_tok_s']?.value as number) * seconds).toBeCloseTo(
          m['output_tokens']?.value as number,
          9,
        )
      }),
    )
  })
})
