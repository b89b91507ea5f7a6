import type { Reason } from '../schema/reason.ts'
import { NS_PER_MS } from '../schema/units.ts'
import type { Answer } from './answer.ts'

/** One request's value of a latency metric, or why it has none. */
export type LatencyValue = number | Reason
export type LatencyOf = (a: Answer) => LatencyValue

const ms = (from: number | null | undefined, to: number | null | undefined): LatencyValue =>
  from == null || to == null ? 'not_recorded' : (to - from) / NS_PER_MS

/** Single tokens need times and at least one token; `or` gives the value where they have. */
function ofTokens(a: Answer, or: () => LatencyValue): LatencyValue {
  if (a.output_tokens <= 0 || a.first_ns === null) return 'no_output_tokens'
  return a.streamed ? or() : 'not_streamed'
}

/** Time to first token: first token - sent, ms. */
export const ttftMs: LatencyOf = (a) => ofTokens(a, () => ms(a.sent_ns, a.first_ns))

/** End-to-end latency: last token - sent, ms. An answer in one piece has it too. */
export const e2eMs: LatencyOf = (a) =>
  a.last_ns === null ? 'no_output_tokens' : ms(a.sent_ns, a.last_ns)

/** Time per output token: (last - first token) / (output_tokens - 1), ms. */
export const tpotMs: LatencyOf = (a) => perToken(a, 1)

function perToken(a: Answer, first: number): LatencyValue {
  return ofTokens(a, () => {
    if (a.output_tokens < 2) return 'single_token'
    // All tokens in one chunk: no time passed between any two of them that a client could see.
    if (a.t_ns.length < 2) return 'not_streamed'
    const divisor = a.output_tokens - first
    if (divisor <= 0) return 'zero_denominator'
    return ((a.last_ns as number) - (a.first_ns as number)) / NS_PER_MS / divisor
  })
}

/**
 * Every latency of a request that has one value, by metric id.
 * `scheduled`: whether the load had a schedule (open loop); a closed loop's requests have no lag behind one.
 * Source: docs/metrics.md, "Latency".
 */
export function requestLatencies(scheduled: boolean): Record<string, LatencyOf> {
  const planned = (a: Answer) => (scheduled ? a.row.scheduled_t_ns : null)
  return {
    ttft_ms: ttftMs,
    ttfo_ms: (a) =>
      ofTokens(a, () =>
        a.first_answer_ns === null ? 'no_output_tokens' : ms(a.sent_ns, a.first_answer_ns),
      ),
    ttst_ms: (a) =>
      ofTokens(a, () => (a.t_ns.length < 2 ? 'single_token' : ms(a.t_ns[0], a.t_ns[1]))),
    tpot_ms: tpotMs,
    tpot_first_chunk_adjusted_ms: (a) => {
      if (a.streamed && a.output_tokens >= 2 && a.chunk_tokens === null) return 'not_recorded'
      return perToken(a, a.chunk_tokens?.[0] ?? 1)
    },
    e2e_ms: e2eMs,
    e2e_close_ms: (a) => ms(a.sent_ns, a.row.closed_t_ns),
    ttft_sched_ms: (a) => ofTokens(a, () => ms(planned(a), a.first_ns)),
    e2e_sched_ms: (a) => (a.last_ns === null ? 'no_output_tokens' : ms(planned(a), a.last_ns)),
    send_lag_ms: (a) => ms(planned(a), a.sent_ns),
    queue_time_ms: (a) => ms(a.row.engine_arrival_t_ns, a.row.engine_scheduled_t_ns),
    user_speed_tok_s: (a) => {
      const tpot = tpotMs(a)
      return typeof tpot === 'string' ? tpot : tpot > 0 ? 1000 / tpot : 'zero_denominator'
    },
  }
}

/** The latencies that are given with failures too. */
export const WITH_FAILURES = [
  'ttft_ms',
  'tpot_ms',
  'e2e_ms',
  'ttft_sched_ms',
  'e2e_sched_ms',
] as const
