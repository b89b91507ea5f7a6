import { refusedCounts } from '../readings/believed-counts.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Reason } from '../schema/reason.ts'
import { mean } from '../stats/moments.ts'
import type { Window } from '../window.ts'
import { type Answer, answersOf } from './answer.ts'
import { completedWithin, failedWithin } from './ended-within.ts'
import { goodRequests } from './goodput.ts'
import { tokensWithin } from './prefill-balance.ts'
import type { Span } from './run-span.ts'

/** Tokens and requests of one window: what energies and rates are divided by. */
export interface TokenCounts {
  /** Output tokens that arrived, of all requests, failed ones too. null: the run records no requests. */
  readonly output: number | null
  /** Prompt tokens of the prefills that ended. null: none recorded, or an engine that does not count them. */
  readonly input: number | null
  /** Why `input` is null; null where it is not. */
  readonly input_reason: Reason | null
  /** Output tokens that arrived for requests that succeed. */
  readonly useful_output: number | null
  readonly completed: number
  /** Measured requests that ended without a whole answer. */
  readonly failed: number
  /** Completed requests that meet every latency limit; null where none is stated. */
  readonly good: number | null
  /** Over the measured requests of the whole run that succeeded. */
  readonly mean_output_per_completed_of_run: number | null
  /** Standard uncertainty of `output`, tokens: what the window's edges cut. */
  readonly u_tokens: number | null
  /** Why a value per output token can't be had. */
  readonly reason: Reason | null
}

/**
 * Counts the tokens that arrived in a window (left-open, right-closed) and the requests that ended in it.
 * Source: docs/metrics.md, "Time base and windows" and "Energy".
 */
export function tokenCounts(run: RunData, window: Window | null): TokenCounts {
  return countTokens(run, answersOf(run), window)
}

/** {@link tokenCounts} of requests that are read already. */
export function countTokens(
  run: RunData,
  answers: readonly Answer[],
  window: Span | null,
): TokenCounts {
  const succeeded = answers.filter((a) => a.measured && a.succeeded)
  const mean_output = mean(succeeded.map((a) => a.output_tokens))
  const none = {
    output: null,
    input: null,
    input_reason: window === null ? ('no_window' as const) : ('not_recorded' as const),
    useful_output: null,
    completed: 0,
    failed: 0,
    good: null,
    mean_output_per_completed_of_run: mean_output,
    u_tokens: null,
  }
  if (window === null) return { ...none, reason: 'no_window' }
  if (answers.length === 0) return { ...none, reason: 'no_output_tokens' }
  let output = 0
  let useful_output = 0
  for (const a of answers) {
    const tokens = tokensWithin(a, window)
    output += tokens
    if (a.succeeded) useful_output += tokens
  }
  return {
    output,
    ...inputTokens(answers, window),
    useful_output,
    completed: completedWithin(answers, window).length,
    failed: failedWithin(answers, window).length,
    good: goodRequests(run, answers, window),
    mean_output_per_completed_of_run: mean_output,
    u_tokens: Math.sqrt(
      (edgeSquare(answers, window.start_ns) + edgeSquare(answers, window.end_ns)) / 12,
    ),
    reason: output > 0 ? null : 'no_output_tokens',
  }
}

/** null where a prefill ended whose prompt was not counted: a sum without it would be too small. */
function inputTokens(
  answers: readonly Answer[],
  span: Span,
): Pick<TokenCounts, 'input' | 'input_reason'> {
  let total = 0
  for (const a of answers) {
    if (a.first_ns === null || a.first_ns <= span.start_ns || a.first_ns > span.end_ns) continue
    if (a.row.input_tokens == null) {
      const implausible = refusedCounts(a.row)?.['input_tokens'] !== undefined
      return { input: null, input_reason: implausible ? 'implausible' : 'not_recorded' }
    }
    total += a.row.input_tokens
  }
  return { input: total, input_reason: null }
}

/**
 * Squared tokens in the making at an instant. Streams run in lockstep, so that one step's tokens of all running
 * requests fall on one side together; an answer in one piece may have any share of its tokens on either side.
 */
function edgeSquare(answers: readonly Answer[], t_ns: number): number {
  let lockstep = 0
  let pieces = 0
  for (const a of answers) {
    if (a.streamed) {
      if (a.first_ns !== null && a.last_ns !== null && a.first_ns <= t_ns && t_ns < a.last_ns)
        lockstep += a.output_tokens / a.t_ns.length
    } else if (a.sent_ns !== null && a.sent_ns < t_ns && t_ns < a.end_ns)
      pieces += a.output_tokens ** 2
  }
  return lockstep ** 2 + pieces
}
