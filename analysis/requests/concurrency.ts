import type { Answer } from './answer.ts'
import type { Span } from './run-span.ts'

/** Requests in flight as steps: from `t_ns[i]` on there are `count[i]`. */
export interface InFlight {
  readonly t_ns: readonly number[]
  readonly count: readonly number[]
}

/**
 * Requests in flight over time: a request is open from sent to its terminal event, half-open, so that at one
 * instant departures come first. Source: docs/metrics.md, "Throughput and goodput".
 */
export function inFlight(answers: readonly Answer[]): InFlight {
  const changes: { t: number; by: number }[] = []
  for (const a of answers) {
    if (a.sent_ns === null || a.end_ns <= a.sent_ns) continue
    changes.push({ t: a.sent_ns, by: 1 })
    if (Number.isFinite(a.end_ns)) changes.push({ t: a.end_ns, by: -1 })
  }
  changes.sort((a, b) => a.t - b.t || a.by - b.by)
  const t_ns: number[] = []
  const count: number[] = []
  let open = 0
  for (const { t, by } of changes) {
    open += by
    t_ns.push(t)
    count.push(open)
  }
  return { t_ns, count }
}

/** Summed overlap of the requests with a span over its length. */
export function concurrencyMean(answers: readonly Answer[], span: Span): number {
  let overlap = 0
  for (const a of answers) {
    if (a.sent_ns === null) continue
    const shared = Math.min(a.end_ns, span.end_ns) - Math.max(a.sent_ns, span.start_ns)
    if (shared > 0) overlap += shared
  }
  return overlap / (span.end_ns - span.start_ns)
}

/** Most requests open at one instant of a span. */
export function concurrencyPeak(answers: readonly Answer[], span: Span): number {
  const { t_ns, count } = inFlight(answers)
  let peak = 0
  for (let i = 0; i < t_ns.length; i++) {
    const lasts = i + 1 < t_ns.length ? (t_ns[i + 1] as number) : Number.POSITIVE_INFINITY
    // A level counts if it holds for some time within the span: at equal instants departures came first.
    if (lasts > span.start_ns && (t_ns[i] as number) < span.end_ns && lasts > (t_ns[i] as number))
      peak = Math.max(peak, count[i] as number)
  }
  return peak
}
