import type { ChunkKind, RequestRow } from '../../analysis/schema/stream.ts'
import {
  isChunkTokens,
  isTokenCount,
  type ReportedCounts,
  reportedText,
  TOKEN_COUNTS,
  type TokenCountName,
  unbelievableCounts,
} from '../../analysis/schema/token-count.ts'
import { bearsTokens, readAnswerEvent } from './answer-event.ts'
import { type Ending, type Failure, judgeOutcome } from './outcome.ts'
import { findError, type ResponseError, short } from './response-error.ts'

/** The part of a request's row that its answer fills. */
export type AnswerCells = Pick<
  RequestRow,
  | 'done_t_ns'
  | 'chunk_t_ns'
  | 'chunk_kind'
  | 'chunk_tokens'
  | 'input_tokens'
  | 'cached_input_tokens'
  | 'output_tokens'
  | 'reasoning_tokens'
  | 'draft_accepted_tokens'
  | 'draft_rejected_tokens'
  | 'token_source'
  | 'unbelievable_counts'
  | 'finish_reason'
  | 'outcome'
  | 'error_layer'
  | 'error_code'
  | 'error_message'
  | 'mode'
>

export interface AnswerRecord {
  /** One event of a stream, whole at t_ns. */
  event(t_ns: number, data: string, name: string | null): void
  comment(t_ns: number): void
  /** A whole answer that was not streamed, at the time of its last byte. */
  whole(t_ns: number, body: string): void
  /** The first failure stays; what was received stays too. */
  fail(failure: Failure): void
  /** The last bytes are a part of an event, or of a document. */
  cut(): void
  /** Something to remember of an answer that is well otherwise. */
  note(code: string): void
  /** @param transport what the connection reported, null: nothing went wrong */
  cells(ending: Ending, requested_output_tokens: number, transport?: Failure | null): AnswerCells
  /** The text so far. */
  text(): string
}

/**
 * Gathers a response, raw: the time, kind and tokens of each chunk, the last usage, the end.
 * @param onDone called once, with `[DONE]`: nothing more will come that counts
 */
export function createAnswerRecord(onDone: () => void = () => {}): AnswerRecord {
  const chunk_t_ns: number[] = []
  const chunk_kind: ChunkKind[] = []
  const chunk_tokens: number[] = []
  /** Chunks whose tokens are the growth of a running usage. */
  const by_growth: number[] = []
  let text = ''
  let usage: ReportedCounts | null = null
  let finish_reason: string | null = null
  let done_t_ns: number | null = null
  let failure: Failure | null = null
  let note: string | null = null
  let cut_within = false
  let streamed = true
  let by_ids = 0
  let token_chunks = 0

  const add = (t_ns: number, kind: ChunkKind, tokens: number) => {
    chunk_t_ns.push(t_ns)
    chunk_kind.push(kind)
    chunk_tokens.push(tokens)
  }
  const fail = (f: Failure) => {
    failure ??= f
  }
  const wrong = (t_ns: number, f: Failure) => {
    add(t_ns, 'error', 0)
    fail(f)
  }
  /** Tokens of this chunk: by ids, else by the growth of a running usage, else unknown (-1). A chunk is not a token. */
  const tokensOf = (ids: number | null, reported: unknown): number => {
    if (ids !== null) return ids
    const before = token_chunks === 0 ? 0 : usage?.output_tokens
    if (!isTokenCount(before) || !isTokenCount(reported) || reported < before) return -1
    by_growth.push(chunk_t_ns.length)
    return isChunkTokens(reported - before) ? reported - before : -1
  }
  const read = (t_ns: number, data: string) => {
    const value = parse(data)
    if (value === undefined)
      return wrong(t_ns, { layer: 'parse', code: 'bad_json', message: short(data) })
    const event = readAnswerEvent(value)
    if (event.unreadable !== null)
      return wrong(t_ns, { layer: 'parse', code: 'bad_event', message: event.unreadable })
    if (event.kind === 'error' && event.error !== null)
      return wrong(t_ns, { layer: 'app', ...event.error })
    let tokens = 0
    if (bearsTokens(event.kind)) {
      tokens = tokensOf(event.token_ids, event.usage?.output_tokens)
      // One chunk without ids, and the sum over ids is no count any more (NaN from then on).
      by_ids = event.token_ids === null ? Number.NaN : by_ids + event.token_ids
      token_chunks++
      text += event.text
    }
    finish_reason = event.finish_reason ?? finish_reason
    if (event.usage !== null && !falls(event.usage, usage)) usage = event.usage
    add(t_ns, event.kind, tokens)
    // The event's tokens came; what it ends with is a failure all the same.
    if (event.error !== null) fail({ layer: 'app', ...event.error })
  }

  return {
    event(t_ns, data, name) {
      if (data.trim() === '[DONE]') {
        if (done_t_ns !== null) return
        done_t_ns = t_ns
        onDone()
        return
      }
      if (name === 'error') wrong(t_ns, { layer: 'app', ...errorOf(data) })
      else read(t_ns, data)
    },
    comment: (t_ns) => add(t_ns, 'comment', 0),
    whole(t_ns, body) {
      streamed = false
      read(t_ns, body)
      if (failure === null && token_chunks === 0 && finish_reason === null)
        fail({ layer: 'parse', code: 'no_completion', message: short(body) })
    },
    fail,
    cut() {
      cut_within = true
    },
    note: (code) => {
      note ??= code
    },
    text: () => text,
    cells(ending, requested, transport = null) {
      const { counts, refused } = believed(usage, token_chunks)
      const by_usage = counts.output_tokens
      const token_source =
        by_usage !== null ? 'usage' : token_chunks > 0 && by_ids >= 0 ? 'token_ids' : 'chunks'
      const output_tokens = by_usage ?? (token_source === 'token_ids' ? by_ids : token_chunks)
      // Growth of a count that is not believed is not believed either.
      if (refused?.output_tokens !== undefined) for (const i of by_growth) chunk_tokens[i] = -1
      const { outcome, cause } = judgeOutcome({
        ...{ ending, transport, failure, finish_reason, cut_within, token_chunks },
        done: done_t_ns !== null || (!streamed && !cut_within),
        chunks: chunk_t_ns.length,
        length_held: lengthHeld(),
      })
      return {
        done_t_ns,
        chunk_t_ns,
        chunk_kind,
        chunk_tokens,
        ...counts,
        output_tokens,
        token_source,
        unbelievable_counts: refused === null ? null : JSON.stringify(refused),
        finish_reason,
        outcome,
        error_layer: cause?.layer ?? null,
        error_code: cause?.code ?? note,
        error_message: cause?.message ?? null,
        mode: streamed ? 'streamed' : 'per_request_batch',
      }

      // Chunks are not tokens: by chunks alone only an early stop is sure.
      function lengthHeld(): boolean {
        if (token_source === 'chunks') return finish_reason !== 'stop' || token_chunks >= requested
        return output_tokens === requested
      }
    },
  }
}

/** The last usage counts, yet it must not fall: a late chunk may carry a partial one. */
function falls(next: ReportedCounts, last: ReportedCounts | null): boolean {
  const before = last?.output_tokens
  if (!isTokenCount(before)) return false
  const now = next.output_tokens ?? 0
  return isTokenCount(now) && now < before
}

type Counts = Readonly<Record<TokenCountName, number | null>>

/** The reported counts that a response can have, the others null and, as text, in `refused`. */
function believed(
  usage: ReportedCounts | null,
  token_chunks: number,
): { counts: Counts; refused: Partial<Record<TokenCountName, string>> | null } {
  const reported = usage ?? {}
  const names = unbelievableCounts(reported, token_chunks)
  const counts = Object.fromEntries(
    TOKEN_COUNTS.map((name) => [name, names.includes(name) ? null : (reported[name] ?? null)]),
  ) as Counts
  if (names.length === 0) return { counts, refused: null }
  return {
    counts,
    refused: Object.fromEntries(names.map((name) => [name, reportedText(reported[name])])),
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** The data of an `event: error`: an error object, or whatever stands there. */
function errorOf(data: string): ResponseError {
  const value = parse(data)
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value)
  const error = isObject ? findError(value as Readonly<Record<string, unknown>>) : null
  return error ?? { code: 'error', message: short(data) }
}
