import type { Answer } from './answer.ts'
import type { Span } from './run-span.ts'

/**
 * Prefills per output token in a window over the same of the whole run: a window that holds few first tokens
 * charges too little prefill to each token. Equal lengths: 0.96 at 25 requests a slot, 0.67 at 4.
 * @returns null where either span holds no output token or the run no prefill
 * Source: docs/metrics.md, "Prefill balance".
 */
export function prefillBalance(
  answers: readonly Answer[],
  window: Span,
  whole: Span,
): number | null {
  const inWindow = prefillsPerToken(answers, window)
  const inRun = prefillsPerToken(answers, whole)
  return inWindow === null || inRun === null || inRun === 0 ? null : inWindow / inRun
}

function prefillsPerToken(answers: readonly Answer[], span: Span): number | null {
  let prefills = 0
  let tokens = 0
  for (const a of answers) {
    if (a.first_ns !== null && a.first_ns > span.start_ns && a.first_ns <= span.end_ns) prefills++
    tokens += tokensWithin(a, span)
  }
  return tokens > 0 ? prefills / tokens : null
}

/** Output tokens of one request that arrived in a span, left-open and right-closed: the work precedes the arrival. */
export function tokensWithin(a: Answer, span: Span): number {
  if (a.first_ns === null || a.last_ns === null) return 0
  if (a.first_ns > span.end_ns || a.last_ns <= span.start_ns) return 0
  if (a.first_ns > span.start_ns && a.last_ns <= span.end_ns) return a.output_tokens
  let tokens = 0
  for (let i = 0; i < a.t_ns.length; i++) {
    const t = a.t_ns[i] as number
    if (t > span.start_ns && t <= span.end_ns) tokens += a.tokens[i] as number
  }
  return tokens
}
