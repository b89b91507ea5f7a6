import type { Answer } from './answer.ts'

/** A span of the run clock, ns. */
export interface Span {
  readonly start_ns: number
  readonly end_ns: number
}

/**
 * First sent of the measured load to its last terminal event: last token, or end of a failure.
 * @returns null where nothing was sent or nothing ended
 * Source: docs/metrics.md, "Time base and windows", row `run`.
 */
export function runSpan(answers: readonly Answer[]): Span | null {
  let start_ns = Number.POSITIVE_INFINITY
  let end_ns = Number.NEGATIVE_INFINITY
  for (const a of answers) {
    if (!a.measured) continue
    if (a.sent_ns !== null && a.sent_ns < start_ns) start_ns = a.sent_ns
    if (Number.isFinite(a.end_ns) && a.end_ns > end_ns) end_ns = a.end_ns
  }
  return Number.isFinite(start_ns) && Number.isFinite(end_ns) ? { start_ns, end_ns } : null
}
