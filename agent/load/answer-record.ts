import type { ChunkKind, Outcome, RequestRow } from '../../analysis/schema/stream.ts'
import {
  type AnswerError,
  bearsTokens,
  readAnswerEvent,
  short,
  type Usage,
} from './answer-event.ts'

export type ErrorLayer = 'dns' | 'connect' | 'tls' | 'send' | 'http' | 'stream' | 'parse' | 'app'
export interface Failure extends AnswerError {
  readonly layer: ErrorLayer
}

/** How the transport ended: the answer's last byte, a cut connection, or our own doing. */
export type Ending = 'complete' | 'cut' | 'cancelled' | 'timeout' | 'refused' | 'unsent'

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
  /** Something to remember of an answer that is well otherwise. */
  note(code: string): void
  cells(ending: Ending, requested_output_tokens: number): AnswerCells
  /** The text so far. */
  text(): string
}

/** Gathers what an answer says, raw: the time, kind and tokens of each chunk, the last usage, the end. */
export function createAnswerRecord(): AnswerRecord {
  const chunk_t_ns: number[] = []
  const chunk_kind: ChunkKind[] = []
  const chunk_tokens: number[] = []
  let text = ''
  let usage: Usage | null = null
  let finish_reason: string | null = null
  let done_t_ns: number | null = null
  let failure: Failure | null = null
  let note: string | null = null
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
  const read = (t_ns: number, data: string, whole: boolean) => {
    const value = parse(data)
    if (value === undefined) {
      add(t_ns, 'error', 0)
      fail({ layer: 'parse', code: 'bad_json', message: short(data) })
      return
    }
    const event = readAnswerEvent(value)
    if (event.error !== null) {
      add(t_ns, 'error', 0)
      fail({ layer: 'app', ...event.error })
      return
    }
    let tokens = 0
    if (bearsTokens(event.kind)) {
      // Tokens of this chunk: by ids, else by the growth of a running usage, else unknown. A chunk is not a token.
      const before: number | null = token_chunks === 0 ? 0 : (usage?.output_tokens ?? null)
      const now = event.usage?.output_tokens ?? null
      tokens =
        event.token_ids ?? (now !== null && before !== null && now >= before ? now - before : -1)
      // One chunk without ids, and the sum over ids is no count any more (NaN from then on).
      by_ids = event.token_ids === null ? Number.NaN : by_ids + event.token_ids
      token_chunks++
      text += event.text
    }
    finish_reason = event.finish_reason ?? finish_reason
    // The last usage counts, yet it must not fall: a late chunk may carry a partial one.
    if (event.usage !== null && (event.usage.output_tokens ?? 0) >= (usage?.output_tokens ?? 0))
      usage = event.usage
    add(t_ns, event.kind, whole && tokens === -1 ? (usage?.output_tokens ?? -1) : tokens)
  }

  return {
    event(t_ns, data, name) {
      if (data === '[DONE]') {
        done_t_ns ??= t_ns
        return
      }
      if (name === 'error') {
        add(t_ns, 'error', 0)
        fail({ layer: 'app', ...errorOf(data) })
        return
      }
      read(t_ns, data, false)
    },
    comment: (t_ns) => add(t_ns, 'comment', 0),
    whole(t_ns, body) {
      streamed = false
      read(t_ns, body, true)
    },
    fail,
    note: (code) => {
      note ??= code
    },
    text: () => text,
    cells(ending, requested) {
      const by_usage = usage?.output_tokens ?? null
      const token_source =
        by_usage !== null ? 'usage' : token_chunks > 0 && by_ids >= 0 ? 'token_ids' : 'chunks'
      const output_tokens =
        token_source === 'usage' ? by_usage : token_source === 'token_ids' ? by_ids : token_chunks
      const ended = finish_reason !== null || done_t_ns !== null || !streamed
      const { outcome, cause } = judge(ending, ended)
      return {
        done_t_ns,
        chunk_t_ns,
        chunk_kind,
        chunk_tokens,
        input_tokens: usage?.input_tokens ?? null,
        cached_input_tokens: usage?.cached_input_tokens ?? null,
        output_tokens,
        reasoning_tokens: usage?.reasoning_tokens ?? null,
        draft_accepted_tokens: usage?.draft_accepted_tokens ?? null,
        draft_rejected_tokens: usage?.draft_rejected_tokens ?? null,
        token_source,
        finish_reason,
        outcome,
        error_layer: cause?.layer ?? null,
        error_code: cause?.code ?? note,
        error_message: cause?.message ?? null,
        mode: streamed ? 'streamed' : 'per_request_batch',
      }

      function judge(end: Ending, whole: boolean): { outcome: Outcome; cause: Failure | null } {
        if (end === 'cancelled' || end === 'timeout' || end === 'refused')
          return { outcome: end, cause: failure }
        if (failure !== null && (end !== 'cut' || failure.layer !== 'stream'))
          return { outcome: 'error', cause: failure }
        if (end === 'unsent') return { outcome: 'error', cause: failure }
        if (!whole) return { outcome: 'truncated', cause: failure ?? cutCleanly() }
        if (token_chunks === 0) return { outcome: 'error', cause: NO_TOKENS }
        return { outcome: lengthHeld() ? 'ok' : 'length_mismatch', cause: null }
      }
      function cutCleanly(): Failure {
        return chunk_t_ns.length === 0 ? EMPTY_BODY : NO_END
      }
      // Chunks are not tokens: by chunks alone only an early stop is sure.
      function lengthHeld(): boolean {
        if (token_source === 'chunks') return finish_reason !== 'stop' || token_chunks >= requested
        return output_tokens === requested
      }
    },
  }
}

const NO_TOKENS: Failure = {
  layer: 'app',
  code: 'no_tokens',
  message: 'the answer ended well and held no token',
}
const NO_END: Failure = {
  layer: 'stream',
  code: 'no_end',
  message: 'the stream closed with neither a finish reason nor [DONE]',
}
const EMPTY_BODY: Failure = {
  layer: 'stream',
  code: 'empty_body',
  message: 'HTTP 200 with an empty body',
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined
  }
}

/** The data of an `event: error`: an error object, or whatever stands there. */
function errorOf(data: string): AnswerError {
  const value = parse(data)
  const error = value === undefined ? null : readAnswerEvent(value).error
  return error ?? { code: 'error', message: short(data) }
}
