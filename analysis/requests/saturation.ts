import type { RunData } from '../readings/run-data.ts'
import type { Answer } from './answer.ts'
import type { Span } from './run-span.ts'

/**
 * The span in which a closed loop keeps the engine full. B is the smaller of the engine's batch limit and the
 * client's concurrency; it begins when B requests have had their first token and ends when
 * requests_sent - B - 1 requests have ended, failures included.
 * @returns the span, or in words why there is none
 * Source: docs/metrics.md, "Time base and windows", row `steady`.
 */
export function saturation(run: RunData, answers: readonly Answer[]): Span | string {
  const slots = saturationSlots(run)
  const measured = answers.filter((a) => a.measured && a.sent_ns !== null)
  const ended = measured.length - slots - 1
  if (ended < 1)
    return `${measured.length} requests were sent, and ${slots} slots need at least ${slots + 2}`
  const firsts = ascending(measured.map((a) => a.first_ns))
  const ends = ascending(measured.map((a) => (Number.isFinite(a.end_ns) ? a.end_ns : null)))
  const start_ns = firsts[slots - 1]
  const end_ns = ends[ended - 1]
  if (start_ns === undefined)
    return `only ${firsts.length} requests had a first token, and ${slots} slots need as many`
  if (end_ns === undefined) return `only ${ends.length} of ${measured.length} requests ended`
  if (end_ns <= start_ns) return 'the last slots filled only when the load was ending'
  return { start_ns, end_ns }
}

/** B of the rule: the smaller of the engine's batch limit, where known, and the client's concurrency. */
export function saturationSlots(run: RunData): number {
  const concurrency = run.experiment.load.concurrency ?? 1
  const engine = run.environment['engine']
  const limit =
    engine !== null && typeof engine === 'object' && 'batch_limit' in engine
      ? engine.batch_limit
      : null
  return typeof limit === 'number' && limit >= 1 ? Math.min(limit, concurrency) : concurrency
}

const ascending = (times: readonly (number | null)[]): number[] =>
  times.filter((t) => t !== null).sort((a, b) => a - b)
