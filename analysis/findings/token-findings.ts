import type { Answer } from '../requests/answer.ts'
import { completedWithin } from '../requests/ended-within.ts'
import type { Span } from '../requests/run-span.ts'
import type { Finding } from '../schema/finding.ts'
import { percent } from './failure-findings.ts'
import { REQUEST_THRESHOLDS as LIMIT } from './request-thresholds.ts'

/** How well the tokens are counted and timed, and what the prefix cache gave. */
export function tokenFindings(answers: readonly Answer[], span: Span | null): Finding[] {
  const measured = answers.filter((a) => a.measured && a.succeeded)
  return [
    ...sources(measured),
    ...coalesced(measured),
    ...cacheHits(measured),
    ...(span === null ? [] : fewValues(completedWithin(answers, span).length)),
  ]
}

function sources(completed: readonly Answer[]): Finding[] {
  let stated = 0
  let seen = 0
  let byChunk = 0
  for (const a of completed) {
    if (a.token_source === 'chunks') byChunk++
    if (a.token_source !== 'usage' || a.chunk_tokens === null) continue
    stated += a.output_tokens
    seen += a.chunk_tokens.reduce((x, y) => x + y, 0)
  }
  const found: Finding[] = []
  const share = stated > 0 ? Math.abs(seen - stated) / stated : 0
  if (share > LIMIT.token_disagreement)
    found.push({
      code: 'token_source_disagreement',
      severity: 'caution',
      message: `The engine counts ${stated} output tokens and the chunks hold ${seen} (${percent(share)} apart); the engine's count is used.`,
      evidence: { stated, in_chunks: seen, share },
    })
  if (byChunk > 0)
    found.push({
      code: 'token_source_disagreement',
      severity: 'caution',
      message: `The tokens of ${byChunk} of ${completed.length} answers are counted by chunk, for want of usage and of a tokenizer; what is given per token is per chunk there. Let the engine report usage.`,
      evidence: { by_chunk: byChunk, completed: completed.length },
    })
  return found
}

function coalesced(completed: readonly Answer[]): Finding[] {
  let gaps = 0
  let zeros = 0
  for (const { streamed, t_ns } of completed) {
    if (!streamed) continue
    for (let i = 1; i < t_ns.length; i++) {
      gaps++
      if (t_ns[i] === t_ns[i - 1]) zeros++
    }
  }
  const share = gaps > 0 ? zeros / gaps : 0
  if (share <= LIMIT.coalesced) return []
  return [
    {
      code: 'chunks_coalesced',
      severity: 'caution',
      message: `${percent(share)} of the gaps between chunks are zero: the engine or the network joins chunks, so gaps show deliveries, not tokens. Time to first token and time per token stand.`,
      evidence: { zeros, gaps, share },
    },
  ]
}

function cacheHits(completed: readonly Answer[]): Finding[] {
  const told = completed.filter(
    (a) => a.row.cached_input_tokens != null && a.row.input_tokens != null,
  )
  const cached = told.reduce((n, a) => n + (a.row.cached_input_tokens ?? 0), 0)
  const input = told.reduce((n, a) => n + (a.row.input_tokens ?? 0), 0)
  const share = input > 0 ? cached / input : 0
  if (share <= LIMIT.cache_hit_rate) return []
  return [
    {
      code: 'prefix_cache_hits',
      severity: 'info',
      message: `${percent(share)} of the prompt tokens came from the prefix cache and cost no prefill.`,
      evidence: { cached_input_tokens: cached, input_tokens: input, share },
    },
  ]
}

function fewValues(completed: number): Finding[] {
  if (completed >= 1000 || completed === 0) return []
  const missing =
    completed < 100 ? 'p99 and p99.9 of request metrics are' : 'p99.9 of request metrics is'
  return [
    {
      code: 'n_too_small',
      severity: 'info',
      message: `${completed} requests were completed in the window, so ${missing} not given: p99 needs 100 values, p99.9 needs 1000.`,
      evidence: { completed },
    },
  ]
}
