import type { RunData } from '../readings/run-data.ts'
import { NS_PER_MS } from '../schema/units.ts'
import type { Answer } from './answer.ts'
import { completedWithin } from './ended-within.ts'
import { e2eMs, type LatencyValue, tpotMs, ttftMs } from './latency-values.ts'
import type { Span } from './run-span.ts'

type Limits = RunData['experiment']['slo']

/** Whether the configuration states any latency limit. */
export function hasLimits(limits: Limits): boolean {
  return Object.values(limits).some((limit) => limit !== null)
}

/**
 * Whether a request that ended meets every stated limit, itself included. Failed and unmeasured ones do not; a
 * limit on time per token does not apply to one token; the inter-token limit holds for each gap between chunks.
 * Source: docs/metrics.md, "Throughput and goodput".
 */
export function isGood(a: Answer, limits: Limits): boolean {
  if (!a.succeeded) return false
  const within = (value: LatencyValue, limit: number | null) =>
    limit === null || (typeof value === 'number' && value <= limit)
  const oneToken = a.output_tokens === 1
  return (
    within(ttftMs(a), limits.ttft_ms) &&
    within(e2eMs(a), limits.e2e_ms) &&
    (oneToken || within(tpotMs(a), limits.tpot_ms)) &&
    (oneToken || within(longestGap(a), limits.itl_ms))
  )
}

/** Requests completed in a span that meet every limit; null where no limit is stated. */
export function goodRequests(run: RunData, answers: readonly Answer[], span: Span): number | null {
  const limits = run.experiment.slo
  if (!hasLimits(limits)) return null
  return completedWithin(answers, span).filter((a) => isGood(a, limits)).length
}

function longestGap(a: Answer): LatencyValue {
  if (!a.streamed) return 'not_streamed'
  let longest = 0
  for (let i = 1; i < a.t_ns.length; i++)
    longest = Math.max(longest, (a.t_ns[i] as number) - (a.t_ns[i - 1] as number))
  return longest / NS_PER_MS
}
