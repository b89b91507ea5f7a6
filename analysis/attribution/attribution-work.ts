import { refusedCounts } from '../readings/believed-counts.ts'
import type { Answer } from '../requests/answer.ts'
import { tokensWithin } from '../requests/prefill-balance.ts'
import type { Span } from '../requests/run-span.ts'
import { type Maybe, type Reason, unknown } from '../schema/reason.ts'

/** What was worked off in a window: what the joules of the phases are divided by and shared by. */
export interface WindowWork {
  /** Prefills that ended, and standard uncertainty of that by those that the edges cut. */
  readonly prompts: number
  readonly u_prompts: number
  /** Their prompt tokens that came from no cache; null: one was not counted. */
  readonly uncached: number | null
  readonly u_uncached: number
  /** Their tokens that came from a cache, as far as recorded. */
  readonly cached: number
  readonly output: number
  /** Output tokens behind each request's first chunk, which is the prefill's. */
  readonly decoded: number
  /** Reasoning tokens over output tokens. */
  readonly reasoning: Maybe
  /** Rejected over proposed draft tokens. */
  readonly rejected: Maybe
}

/** Prompt tokens that had to be computed; a prompt whose cached tokens are not recorded counts in full. */
export function uncachedPrompt({ row }: Answer): number | null {
  if (row.input_tokens == null) return null
  return Math.max(0, row.input_tokens - (row.cached_input_tokens ?? 0))
}

/** Tokens of the first chunk, which is the prefill's. */
export const openingTokens = (a: Answer): number => a.tokens[0] ?? 0

/** Counts by arrival, left-open and right-closed. Source: docs/metrics.md, "Prefill and decode". */
export function windowWork(answers: readonly Answer[], window: Span): WindowWork {
  const { start_ns, end_ns } = window
  const inside = (t_ns: number) => t_ns > start_ns && t_ns <= end_ns
  const cut = { prompts: 0, tokens: 0 }
  let prompts = 0
  let uncached: number | null = 0
  let cached = 0
  let output = 0
  let decoded = 0
  for (const a of answers) {
    if (a.first_ns === null) continue
    for (const edge of [start_ns, end_ns])
      if (a.sent_ns !== null && a.sent_ns < edge && edge < a.first_ns) {
        cut.prompts += 1
        cut.tokens += (uncachedPrompt(a) ?? 0) ** 2
      }
    const tokens = tokensWithin(a, window)
    output += tokens
    decoded += tokens
    if (!inside(a.first_ns)) continue
    decoded -= openingTokens(a)
    prompts += 1
    const computed = uncachedPrompt(a)
    uncached = uncached === null || computed === null ? null : uncached + computed
    cached += a.row.cached_input_tokens ?? 0
  }
  return {
    prompts,
    u_prompts: Math.sqrt(cut.prompts / 12),
    uncached,
    u_uncached: Math.sqrt(cut.tokens / 12),
    cached,
    output,
    decoded,
    reasoning: share(answers, window, ({ row, output_tokens }) =>
      row.reasoning_tokens == null
        ? missing(row, 'reasoning_tokens')
        : row.reasoning_tokens > output_tokens
          ? 'implausible'
          : [row.reasoning_tokens, output_tokens],
    ),
    rejected: share(answers, window, ({ row }) =>
      row.draft_rejected_tokens == null || row.draft_accepted_tokens == null
        ? missing(row, 'draft_rejected_tokens')
        : [row.draft_rejected_tokens, row.draft_rejected_tokens + row.draft_accepted_tokens],
    ),
  }
}

const missing = (row: Answer['row'], name: string): Reason =>
  refusedCounts(row)?.[name] === undefined ? 'not_recorded' : 'implausible'

/**
 * Part over whole of the requests whose tokens arrived in the window, each by the share of them that did. A failed
 * request without counts is left out of both; a success without them leaves it unknown.
 */
function share(
  answers: readonly Answer[],
  window: Span,
  counts: (a: Answer) => readonly [part: number, whole: number] | Reason,
): Maybe {
  let part = 0
  let whole = 0
  let recorded = false
  for (const a of answers) {
    const tokens = tokensWithin(a, window)
    if (tokens <= 0) continue
    const found = counts(a)
    if (typeof found === 'string') {
      if (a.succeeded) return unknown(found)
      continue
    }
    recorded = true
    part += (found[0] * tokens) / a.output_tokens
    whole += (found[1] * tokens) / a.output_tokens
  }
  if (!recorded) return unknown('not_recorded')
  return whole > 0 ? { value: part / whole, reason: null } : unknown('zero_denominator')
}
