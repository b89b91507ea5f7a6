import {
  gapStatistics,
  percentilesWithFailures,
  requestStatistics,
} from '../requests/latency-statistics.ts'
import type { Reason } from '../schema/reason.ts'
import type { ResultMetric } from '../schema/result.ts'
import type { MetricValue } from '../schema/summary.ts'
import { NS_PER_MS } from '../schema/units.ts'
import { sum } from '../stats/moments.ts'
import { resultMetric } from './result-metric.ts'

/** One request as a tool tells it; times in ms on one clock of the file, null where it tells none. */
export interface ToldRequest {
  readonly failed: boolean
  readonly sent_ms: number
  readonly scheduled_ms: number | null
  readonly first_ms: number | null
  readonly first_answer_ms: number | null
  /** Arrival of the last token. */
  readonly last_ms: number | null
  readonly closed_ms: number | null
  /** Arrivals of all token chunks, ascending. */
  readonly chunk_ms: readonly number[] | null
  readonly output_tokens: number | null
  readonly input_tokens: number | null
}

/** A nanosecond: no tool's clock tells less, and a rate over less is none. */
const SHORTEST_MS = 1e-6
const MS_PER_YEAR = 366 * 86_400_000

/** A time between two events of a request that can be: not negative, and no longer than a year. */
export const isDurationMs = (v: unknown): v is number =>
  typeof v === 'number' && v >= 0 && v <= MS_PER_YEAR

type Value = number | Reason
type Latency = (r: ToldRequest) => Value

const between = (from: number | null, to: number | null): Value =>
  from === null || to === null ? 'not_recorded' : to - from

/** Our definitions, docs/metrics.md "Latency", on what a tool tells of a request. */
const LATENCIES = {
  ttft_ms: (r) => between(r.sent_ms, r.first_ms),
  ttfo_ms: (r) => between(r.sent_ms, r.first_answer_ms),
  ttst_ms: (r) =>
    (r.chunk_ms?.length ?? 0) < 2
      ? 'single_token'
      : between(r.chunk_ms?.[0] ?? null, r.chunk_ms?.[1] ?? null),
  tpot_ms: (r) => {
    if (r.first_ms === null || r.last_ms === null || r.output_tokens === null) return 'not_recorded'
    if (r.output_tokens < 2) return 'single_token'
    if (r.last_ms <= r.first_ms) return 'not_streamed'
    return (r.last_ms - r.first_ms) / (r.output_tokens - 1)
  },
  e2e_ms: (r) => between(r.sent_ms, r.last_ms),
  e2e_close_ms: (r) => between(r.sent_ms, r.closed_ms),
  send_lag_ms: (r) => between(r.scheduled_ms, r.sent_ms),
  ttft_sched_ms: (r) => between(r.scheduled_ms, r.first_ms),
  e2e_sched_ms: (r) => between(r.scheduled_ms, r.last_ms),
} as const satisfies Record<string, Latency>
export type ToldLatency = keyof typeof LATENCIES

const WITH_FAILURES: readonly ToldLatency[] = [
  'ttft_ms',
  'tpot_ms',
  'e2e_ms',
  'ttft_sched_ms',
  'e2e_sched_ms',
]

/**
 * Our metrics of requests that a tool tells one by one, over its run: from the first sent to the last end that is told.
 * @param latencies those that the tool's times define as we do
 * @param provenance what they were recomputed from
 */
export function requestMetrics(
  requests: readonly ToldRequest[],
  latencies: readonly ToldLatency[],
  provenance: string,
): Record<string, ResultMetric> {
  const good = requests.filter((r) => !r.failed)
  const metrics: Record<string, ResultMetric> = { ...loadMetrics(requests, good, provenance) }
  const put = (id: string, statistics: Partial<Record<string, MetricValue>>) => {
    for (const [statistic, value] of Object.entries(statistics))
      if (value !== undefined) metrics[`${id}_${statistic}`] = { ...value, window: 'run' }
  }
  for (const id of latencies) {
    const values = good.map(LATENCIES[id])
    const known = values.filter((v): v is number => typeof v === 'number')
    const reason = values.find((v): v is Reason => typeof v === 'string') ?? 'no_requests'
    put(id, requestStatistics(known, 'ms', reason, provenance))
    if (!WITH_FAILURES.includes(id)) continue
    const failed = requests.filter((r) => r.failed).map(() => Number.POSITIVE_INFINITY)
    put(
      `${id}_with_failures`,
      percentilesWithFailures(known.length === 0 ? [] : [...known, ...failed], 'ms', reason),
    )
  }
  const streamed = good.filter((r) => r.chunk_ms !== null)
  if (streamed.length > 0) put('icl_ms', chunkGaps(streamed, provenance))
  return metrics
}

/** Gaps between chunks, pooled; typed lists, since a file may hold millions of them. */
function chunkGaps(requests: readonly ToldRequest[], provenance: string) {
  const count = requests.reduce((n, r) => n + Math.max(0, (r.chunk_ms?.length ?? 0) - 1), 0)
  const origin = requests.reduce((m, r) => Math.min(m, r.sent_ms), Number.POSITIVE_INFINITY)
  const gap_ms = new Float64Array(count)
  const t_ns = new Float64Array(count)
  let k = 0
  let end_ns = 0
  for (const { chunk_ms } of requests) {
    if (chunk_ms === null) continue
    for (let i = 1; i < chunk_ms.length; i++) {
      gap_ms[k] = (chunk_ms[i] as number) - (chunk_ms[i - 1] as number)
      t_ns[k] = ((chunk_ms[i] as number) - origin) * NS_PER_MS
      end_ns = Math.max(end_ns, t_ns[k] as number)
      k++
    }
  }
  const reason = count === 0 ? 'single_token' : null
  return gapStatistics([{ gap_ms, t_ns, reason, span: { start_ns: 0, end_ns } }], provenance)
}

/** When a request ended, as far as it is told. */
const endOf = (r: ToldRequest): number | null => r.last_ms ?? r.closed_ms

function loadMetrics(
  requests: readonly ToldRequest[],
  good: readonly ToldRequest[],
  provenance: string,
): Record<string, ResultMetric> {
  const start = requests.reduce((m, r) => Math.min(m, r.sent_ms), Number.POSITIVE_INFINITY)
  const end = requests.reduce((m, r) => Math.max(m, endOf(r) ?? m), Number.NEGATIVE_INFINITY)
  const seconds = end - start >= SHORTEST_MS ? (end - start) / 1000 : null
  const total = (of: (r: ToldRequest) => number | null): number | null => {
    const values = good.map(of)
    return values.length === 0 || values.includes(null) ? null : sum(values as number[])
  }
  const output = total((r) => r.output_tokens)
  const input = total((r) => r.input_tokens)
  const rate = (n: number | null) => (n === null || seconds === null ? null : n / seconds)
  const { mean, peak } = concurrency(requests, seconds)
  const values: Record<string, number | null> = {
    requests_completed: good.length,
    requests_failed: requests.length - good.length,
    output_tokens: output,
    input_tokens: input,
    output_throughput_tok_s: rate(output),
    input_throughput_tok_s: rate(input),
    total_throughput_tok_s: rate(output === null || input === null ? null : output + input),
    request_throughput_req_s: rate(good.length),
    concurrency_mean: mean,
    concurrency_peak: peak,
  }
  return Object.fromEntries(
    Object.entries(values).map(([id, value]) => [
      id,
      resultMetric(id, value, {
        window: 'run',
        n: requests.length,
        provenance,
        reason: seconds === null && id.endsWith('_s') ? 'no_window' : 'not_recorded',
      }),
    ]),
  )
}

/** Half-open intervals, departures first. Null where the end of a request is not told. */
function concurrency(
  requests: readonly ToldRequest[],
  seconds: number | null,
): { mean: number | null; peak: number | null } {
  const spans = requests.map((r) => [r.sent_ms, endOf(r)] as const)
  if (seconds === null || spans.some(([, end]) => end === null)) return { mean: null, peak: null }
  const busy_ms = sum(spans.map(([sent, end]) => (end as number) - sent))
  const steps = spans
    .flatMap(([sent, end]) => [
      { t: sent, by: 1 },
      { t: end as number, by: -1 },
    ])
    .sort((a, b) => a.t - b.t || a.by - b.by)
  let now = 0
  let peak = 0
  for (const { by } of steps) {
    now += by
    peak = Math.max(peak, now)
  }
  return { mean: busy_ms / 1000 / seconds, peak }
}
