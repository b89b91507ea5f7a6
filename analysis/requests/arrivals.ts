import { NS_PER_S } from '../schema/units.ts'
import { sampleSd } from '../stats/moments.ts'
import type { Answer } from './answer.ts'
import type { Span } from './run-span.ts'

/** When measured requests were due within a span (left-open but for its first instant), ascending, ns. */
export function scheduledWithin(answers: readonly Answer[], span: Span): number[] {
  return answers
    .filter((a) => a.measured)
    .map((a) => a.row.scheduled_t_ns ?? null)
    .filter((t) => t !== null)
    .filter((t) => t >= span.start_ns && t <= span.end_ns)
    .sort((a, b) => a - b)
}

export interface Dispersion {
  /** Variance over mean of the counts: 1 for Poisson arrivals, near 0 for even ones. */
  readonly ratio: number
  readonly bins: number
  /** Arrivals in all bins. */
  readonly arrivals: number
}

/**
 * Dispersion of arrivals in bins of one second. null under two whole bins or without arrivals.
 * Source: docs/metrics.md, "Throughput and goodput", offered_rate_req_s.
 */
export function arrivalDispersion(times_ns: readonly number[], span: Span): Dispersion | null {
  const bins = Math.floor((span.end_ns - span.start_ns) / NS_PER_S)
  if (bins < 2) return null
  const counts = new Float64Array(bins)
  for (const t of times_ns) {
    const bin = Math.floor((t - span.start_ns) / NS_PER_S)
    if (bin >= 0 && bin < bins) counts[bin] = (counts[bin] as number) + 1
  }
  const arrivals = counts.reduce((a, b) => a + b, 0)
  if (arrivals === 0) return null
  return { ratio: (sampleSd(counts) as number) ** 2 / (arrivals / bins), bins, arrivals }
}
