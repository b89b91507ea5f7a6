import type { Reason } from '../schema/reason.ts'
import { NS_PER_MS } from '../schema/units.ts'
import type { Answer } from './answer.ts'
import type { Span } from './run-span.ts'

/** Gaps between tokens, pooled over requests: each with the arrival that closed it. */
export interface GapList {
  readonly gap_ms: Float64Array
  readonly t_ns: Float64Array
  /** Why it is empty. */
  readonly reason: Reason | null
}

export interface Gaps {
  /** Between token chunks, zeros kept. */
  readonly icl: GapList
  /** Each chunk gap split evenly over the chunk's tokens; the same list as icl where every chunk bears one. */
  readonly itl: GapList
  /** Three or more gaps of a request: its first and last dropped; fewer: none kept. */
  readonly trimmed: GapList
  /** Some chunk's tokens are unknown, so that its gap stands whole in `itl`. */
  readonly by_chunk: boolean
}

/**
 * The gaps of successful measured requests that closed within a span (left-open, right-closed).
 * Source: docs/metrics.md, "Latency".
 */
export function gapsWithin(answers: readonly Answer[], span: Span): Gaps {
  const taken = answers.filter((a) => a.measured && a.succeeded && a.streamed)
  const split = taken.some((a) => a.chunk_tokens?.some((m, i) => i > 0 && m !== 1))
  const chunks = taken.reduce((n, a) => n + a.t_ns.length, 0)
  const tokens = split ? taken.reduce((n, a) => n + tokenGapCount(a), 0) : chunks
  const icl = collector(chunks, span)
  const itl = split ? collector(tokens, span) : null
  const trimmed = collector(tokens, span)
  for (const a of taken) {
    for (let i = 1; i < a.t_ns.length; i++)
      icl.push((a.t_ns[i] as number) - (a.t_ns[i - 1] as number), a.t_ns[i] as number)
    const last = tokenGapCount(a) - 1
    eachGap(a, (gap, t, k) => {
      itl?.push(gap, t)
      if (k > 0 && k < last) trimmed.push(gap, t)
    })
  }
  const why = emptyReason(answers)
  const chunkGaps = icl.done(why)
  return {
    icl: chunkGaps,
    itl: itl?.done(why) ?? chunkGaps,
    trimmed: trimmed.done(why),
    by_chunk: taken.some((a) => a.chunk_tokens === null),
  }
}

/** The token gaps of one request in order: a chunk without tokens lends its gap to the next one. */
function eachGap(a: Answer, give: (gap_ns: number, t_ns: number, k: number) => void): void {
  let k = 0
  let from = a.t_ns[0] as number
  for (let i = 1; i < a.t_ns.length; i++) {
    const m = a.chunk_tokens?.[i] ?? 1
    if (m === 0) continue
    const t = a.t_ns[i] as number
    const gap = (t - from) / m
    for (let j = 0; j < m; j++) give(gap, t, k++)
    from = t
  }
}

function tokenGapCount(a: Answer): number {
  let n = 0
  for (let i = 1; i < a.t_ns.length; i++) n += a.chunk_tokens?.[i] ?? 1
  return n
}

function collector(capacity: number, span: Span) {
  const gap_ms = new Float64Array(capacity)
  const t_ns = new Float64Array(capacity)
  let n = 0
  return {
    push(gap_ns: number, t: number): void {
      if (t <= span.start_ns || t > span.end_ns) return
      gap_ms[n] = gap_ns / NS_PER_MS
      t_ns[n++] = t
    },
    done: (why: Reason): GapList => ({
      gap_ms: gap_ms.subarray(0, n),
      t_ns: t_ns.subarray(0, n),
      reason: n > 0 ? null : why,
    }),
  }
}

function emptyReason(answers: readonly Answer[]): Reason {
  const ok = answers.filter((a) => a.measured && a.succeeded)
  if (ok.length === 0) return 'no_requests'
  if (ok.every((a) => !a.streamed)) return 'not_streamed'
  return ok.every((a) => a.t_ns.length < 2) ? 'single_token' : 'n_too_small'
}
