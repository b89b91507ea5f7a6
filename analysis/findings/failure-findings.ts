import type { RunData } from '../readings/run-data.ts'
import type { Answer } from '../requests/answer.ts'
import type { Finding } from '../schema/finding.ts'
import { REQUEST_THRESHOLDS as LIMIT } from './request-thresholds.ts'

/** Failures, requests cut by the end of the load, and answers of another length than asked for; over the whole run. */
export function failureFindings(run: RunData, answers: readonly Answer[]): Finding[] {
  const measured = answers.filter((a) => a.measured)
  return [...failures(measured), ...censored(run, measured), ...otherLength(measured)]
}

/** Cut by the client itself at the end of the load: censored, not failed. */
const wasCut = (a: Answer): boolean =>
  a.row.outcome === 'cancelled' || (a.row.outcome == null && !Number.isFinite(a.end_ns))

function failures(measured: readonly Answer[]): Finding[] {
  const ended = measured.filter((a) => !wasCut(a))
  const failed = ended.filter((a) => !a.succeeded)
  if (failed.length === 0) return []
  const share = failed.length / ended.length
  const evidence = {
    failed: failed.length,
    ended: ended.length,
    share,
    errors: errorCounts(failed),
  }
  const [worst] = evidence.errors
  const mostly = worst ? ` (mostly ${worst.error}, ${worst.count} times)` : ''
  const found: Finding[] = []
  if (failed.length === ended.length)
    found.push({
      code: 'all_requests_failed',
      severity: 'invalid',
      message: `All ${ended.length} requests failed${mostly}, so nothing was measured but failures. See the requests' error_message and the engine's log.`,
      evidence,
    })
  if (share > LIMIT.failures_caution)
    found.push({
      code: 'failures_above_threshold',
      severity: share > LIMIT.failures_invalid ? 'invalid' : 'caution',
      message: `${failed.length} of ${ended.length} requests failed (${percent(share)})${mostly}; their energy is charged to the others' tokens.`,
      evidence,
    })
  return found
}

function errorCounts(failed: readonly Answer[]): { error: string; count: number }[] {
  const counts = new Map<string, number>()
  for (const { row } of failed) {
    const error = [row.error_layer, row.error_code ?? row.outcome ?? 'no answer']
      .filter((part) => part != null)
      .join(' ')
    counts.set(error, (counts.get(error) ?? 0) + 1)
  }
  return [...counts]
    .map(([error, count]) => ({ error, count }))
    .sort((a, b) => b.count - a.count || (a.error < b.error ? -1 : 1))
    .slice(0, 5)
}

function censored(run: RunData, measured: readonly Answer[]): Finding[] {
  const cut = measured.filter((a) => wasCut(a) && a.sent_ns !== null)
  if (cut.length === 0) return []
  return [
    {
      code: 'censored_requests',
      severity: 'caution',
      message: `The load stopped with ${cut.length} of ${measured.length} requests unfinished; the long ones are missing from latencies and from energy per request. Give a longer phases.drain_s, or stop by load.requests.`,
      evidence: {
        cut: cut.length,
        sent: measured.length,
        duration_s: run.experiment.load.duration_s,
      },
    },
  ]
}

function otherLength(measured: readonly Answer[]): Finding[] {
  const completed = measured.filter((a) => a.succeeded)
  const unlike = completed.filter(
    (a) =>
      a.row.outcome === 'length_mismatch' ||
      (a.row.requested_output_tokens != null &&
        a.token_source !== 'chunks' &&
        a.output_tokens !== a.row.requested_output_tokens),
  )
  const [example] = unlike
  if (!example) return []
  const asked = example.row.requested_output_tokens
  const first = asked == null ? '' : `, for one ${example.output_tokens} tokens for ${asked}`
  return [
    {
      code: 'length_mismatch',
      severity: 'caution',
      message: `${unlike.length} of ${completed.length} answers were not of the requested length${first}; compare only with runs of the same lengths. An engine that takes ignore_eos gives exact ones.`,
      evidence: {
        unlike: unlike.length,
        completed: completed.length,
        request_id: example.row.request_id,
      },
    },
  ]
}

export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
