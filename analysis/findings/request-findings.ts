import type { RunData } from '../readings/run-data.ts'
import { type Answer, answersOf } from '../requests/answer.ts'
import { batchFindings } from '../requests/batch-fill.ts'
import { runSpan } from '../requests/run-span.ts'
import type { Finding } from '../schema/finding.ts'
import type { Window } from '../window.ts'
import { clientFindings } from './client-findings.ts'
import { failureFindings } from './failure-findings.ts'
import { processFindings } from './process-findings.ts'
import { steadyFindings } from './steady-findings.ts'
import { tokenFindings } from './token-findings.ts'
import { unbelievableCountFindings } from './unbelievable-count.ts'

/**
 * What the requests, and the processes that served them, say about a run's validity. `no_steady_window` and
 * `no_window` come with the choice of the window itself; a run without requests (a measured program) has none of
 * the requests' findings.
 * Source: docs/metrics.md, "Validity".
 */
export function requestFindings(
  run: RunData,
  window: Window | null,
  answers: readonly Answer[] = answersOf(run),
): Finding[] {
  const span = window ?? runSpan(answers)
  return [
    ...failureFindings(run, answers),
    ...unbelievableCountFindings(run, answers),
    ...tokenFindings(answers, span),
    ...steadyFindings(run, answers, window),
    ...batchFindings(run, window),
    ...clientFindings(run, answers),
    ...processFindings(run),
  ]
}
