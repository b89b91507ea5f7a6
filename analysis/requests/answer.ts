import type { RunData } from '../readings/run-data.ts'
import { isCompleted } from '../schema/completed.ts'
import type { RequestRow } from '../schema/stream.ts'
import { isChunkTokens } from '../schema/token-count.ts'

/** Where a request's number of output tokens comes from, best first. */
export type TokenSource = 'usage' | 'chunk_tokens' | 'chunks'

/** One request read for its tokens: when they arrived, how many, and how it ended. Times: ns on the run clock. */
export interface Answer {
  readonly row: RequestRow
  /** Sent in phase measure: warm-up requests are none. */
  readonly measured: boolean
  /** A whole answer came, of whatever length. */
  readonly succeeded: boolean
  /** Tokens came one after the other, so that single ones have times. */
  readonly streamed: boolean
  readonly sent_ns: number | null
  /** Arrival of each token chunk (content, reasoning or tool), ascending. */
  readonly t_ns: readonly number[]
  /** Tokens that arrive with each chunk; together `output_tokens`. Shares where a chunk's own count is unknown. */
  readonly tokens: readonly number[]
  /** Each chunk's own count, null where at least one is unknown: only then has every token a time. */
  readonly chunk_tokens: readonly number[] | null
  readonly output_tokens: number
  readonly token_source: TokenSource
  readonly first_ns: number | null
  readonly last_ns: number | null
  /** First token that is no reasoning. */
  readonly first_answer_ns: number | null
  /** Last token of a success, last sign of a failure; Infinity while it is open. */
  readonly end_ns: number
}

/**
 * Reads every request of a run, each id once: where two processes recorded the same one, the fuller record counts.
 * Source: docs/metrics.md, "Latency" and "Late aggregation".
 */
export function answersOf(run: RunData): Answer[] {
  const measure = run.phases.find((p) => p.phase === 'measure')
  return unionRequests(run.requests).map((row) => {
    const sent = row.sent_t_ns ?? null
    const inside =
      measure === undefined || (sent !== null && sent >= measure.start_ns && sent <= measure.end_ns)
    return readAnswer(row, row.phase === 'measure' || (row.phase == null && inside))
  })
}

/** The requests by id, each once, in the order of the ids' first rows. Of two rows the one with more token chunks. */
export function unionRequests(rows: readonly RequestRow[]): RequestRow[] {
  const byId = new Map<string, RequestRow>()
  for (const row of rows) {
    const known = byId.get(row.request_id)
    if (known === undefined || fullness(row) > fullness(known)) byId.set(row.request_id, row)
  }
  return [...byId.values()]
}

const fullness = (row: RequestRow): number =>
  (row.chunk_t_ns?.length ?? 0) * 4 + (row.output_tokens != null ? 2 : 0) + (row.outcome ? 1 : 0)

/** Reads one request. `measured`: whether it belongs to the measured load. */
export function readAnswer(row: RequestRow, measured: boolean): Answer {
  const chunks = tokenChunks(row)
  const end = row.done_t_ns ?? row.closed_t_ns ?? null
  const counted = countTokens(row, chunks)
  // An invented spread (proportional) tells no arrival; all that is known is that all had come at the end.
  const atOnce = row.mode === 'proportional' || chunks.t_ns.length === 0
  const whole = atOnce && counted.total > 0 && end !== null
  const t_ns = whole ? [end] : atOnce ? [] : chunks.t_ns
  const succeeded = isSuccess(row, t_ns.length > 0, counted.total)
  const last_ns = t_ns.at(-1) ?? null
  return {
    row,
    measured,
    succeeded,
    streamed: !whole && row.mode !== 'per_request_batch' && row.mode !== 'proportional',
    sent_ns: row.sent_t_ns ?? null,
    t_ns,
    tokens: whole ? [counted.total] : atOnce ? [] : counted.tokens,
    chunk_tokens: atOnce ? null : counted.own,
    output_tokens: counted.total,
    token_source: counted.source,
    first_ns: t_ns[0] ?? null,
    last_ns,
    first_answer_ns: whole ? end : chunks.first_answer_ns,
    end_ns: succeeded ? (last_ns ?? end ?? Number.POSITIVE_INFINITY) : failureEnd(row, last_ns),
  }
}

/** By its outcome. Without one: tokens came and no error is named. */
function isSuccess(row: RequestRow, hasTokens: boolean, output_tokens: number): boolean {
  // A record without counts and without chunks is of an unknown number of tokens, not of none.
  const counted = row.output_tokens != null || row.chunk_t_ns != null
  if (row.outcome != null) return isCompleted(row.outcome, counted ? output_tokens : 1)
  return hasTokens && row.error_code == null && row.error_layer == null
}

function failureEnd(row: RequestRow, last_ns: number | null): number {
  const signs = [last_ns, row.done_t_ns, row.closed_t_ns].filter((t) => t != null)
  if (signs.length > 0) return Math.max(...signs)
  if (row.outcome == null) return Number.POSITIVE_INFINITY
  return row.headers_t_ns ?? row.sent_t_ns ?? row.scheduled_t_ns ?? Number.POSITIVE_INFINITY
}

interface TokenChunks {
  readonly t_ns: readonly number[]
  readonly tokens: readonly number[]
  readonly first_answer_ns: number | null
}

const bearsTokens = (kind: string | undefined): boolean =>
  kind === undefined || kind === 'content' || kind === 'reasoning' || kind === 'tool'

/** The chunks that bear tokens: content, reasoning and tool; role, finish, usage and comments bear none. */
function tokenChunks(row: RequestRow): TokenChunks {
  const times = row.chunk_t_ns ?? []
  const kinds = row.chunk_kind ?? []
  let from = 0
  let to = times.length
  while (from < to && !bearsTokens(kinds[from])) from++
  while (to > from && !bearsTokens(kinds[to - 1])) to--
  let t_ns = times.slice(from, to)
  let tokens = countsOf(row.chunk_tokens, from, to)
  const between = kinds.slice(from, to)
  // Most answers bear tokens from the first such chunk to the last, so that the lists are copied as they are.
  if (!between.every(bearsTokens)) {
    const borne = (_: number, i: number) => bearsTokens(between[i])
    t_ns = t_ns.filter(borne)
    tokens = tokens.filter(borne)
  }
  const answer = t_ns.length === 0 ? -1 : firstAnswer(kinds, from, to)
  return inOrder({ t_ns, tokens, first_answer_ns: times[answer] ?? null })
}

/** Index of the first chunk that bears tokens and is no reasoning; -1: none. */
function firstAnswer(kinds: readonly string[], from: number, to: number): number {
  for (let i = from; i < to; i++) if (bearsTokens(kinds[i]) && kinds[i] !== 'reasoning') return i
  return -1
}

function countsOf(counts: RequestRow['chunk_tokens'], from: number, to: number): number[] {
  if (!counts) return new Array<number>(to - from).fill(-1)
  const out = counts.slice(from, to)
  while (out.length < to - from) out.push(-1)
  return out.every(isChunkTokens) ? out : out.map((m) => (isChunkTokens(m) ? m : -1))
}

/** Clients stamp in order; a record from elsewhere is put in order, so that no gap is negative. */
function inOrder(chunks: TokenChunks): TokenChunks {
  const { t_ns, tokens, first_answer_ns } = chunks
  let ascends = true
  for (let i = 1; i < t_ns.length && ascends; i++)
    ascends = (t_ns[i] as number) >= (t_ns[i - 1] as number)
  if (ascends) return chunks
  const order = t_ns.map((_, i) => i).sort((a, b) => (t_ns[a] as number) - (t_ns[b] as number))
  return {
    t_ns: order.map((i) => t_ns[i] as number),
    tokens: order.map((i) => tokens[i] as number),
    first_answer_ns,
  }
}

interface Counted {
  readonly total: number
  readonly tokens: readonly number[]
  readonly own: readonly number[] | null
  readonly source: TokenSource
}

/**
 * Output tokens and their spread over the chunks. The request's own count (usage, else retokenised text) leads:
 * what the known chunks do not explain is spread evenly over the unknown ones; where all are known and disagree,
 * all are scaled, so that the tokens of a partition of windows always add up to the request's count.
 */
function countTokens(row: RequestRow, { tokens }: TokenChunks): Counted {
  let sum = 0
  let unknown = 0
  for (const m of tokens) {
    if (m < 0) unknown++
    else sum += m
  }
  const stated = row.output_tokens ?? null
  if (stated === null) {
    // Of an engine whose own count is not believed, zero in every chunk is no count either.
    if (sum === 0 && tokens.length > 0 && row.unbelievable_counts != null)
      return { total: tokens.length, tokens: tokens.map(() => 1), own: null, source: 'chunks' }
    if (unknown === 0) return { total: sum, tokens, own: tokens, source: 'chunk_tokens' }
    const spread = tokens.map((m) => (m < 0 ? 1 : m))
    return { total: sum + unknown, tokens: spread, own: null, source: 'chunks' }
  }
  const base = { total: stated, source: 'usage' } as const
  if (unknown === 0) {
    if (sum === stated) return { ...base, tokens, own: tokens }
    const scaled =
      sum > 0 ? tokens.map((m) => (m * stated) / sum) : tokens.map(() => stated / tokens.length)
    return { ...base, tokens: scaled, own: sum > 0 ? tokens : null }
  }
  const rest = stated - sum
  if (rest >= 0) {
    const spread = tokens.map((m) => (m < 0 ? rest / unknown : m))
    // As many tokens left as unknown chunks: each bore one.
    return { ...base, tokens: spread, own: rest === unknown ? spread : null }
  }
  return { ...base, tokens: tokens.map((m) => (m < 0 ? 0 : (m * stated) / sum)), own: null }
}
