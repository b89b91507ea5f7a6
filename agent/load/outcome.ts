import type { Outcome } from '../../analysis/schema/stream.ts'
import type { ResponseError } from './response-error.ts'

export type ErrorLayer = 'dns' | 'connect' | 'tls' | 'send' | 'http' | 'stream' | 'parse' | 'app'
export interface Failure extends ResponseError {
  readonly layer: ErrorLayer
}

/** How the transport ended: the response's last byte, a cut connection, or our own doing. */
export type Ending = 'complete' | 'cut' | 'cancelled' | 'timeout' | 'refused' | 'unsent'

/** What is known of a response when its transport has ended. */
export interface ResponseEnd {
  readonly ending: Ending
  /** What the transport reported. */
  readonly transport: Failure | null
  /** First failure that the response itself reports or is. */
  readonly failure: Failure | null
  /** `[DONE]` came, or a whole document: nothing can follow. */
  readonly done: boolean
  readonly finish_reason: string | null
  /** The last bytes are a part of an event or of a document. */
  readonly cut_within: boolean
  readonly chunks: number
  readonly token_chunks: number
  /** Whether the length that was requested was given, as far as its count can show it. */
  readonly length_held: boolean
}

/**
 * The outcome of one request, as docs/metrics.md names them, and its cause. A failure that the response reports
 * stands whatever happened to the connection; after `[DONE]` the connection no longer matters.
 */
export function judgeOutcome(end: ResponseEnd): { outcome: Outcome; cause: Failure | null } {
  const { ending, transport } = end
  if (end.failure !== null) return { outcome: 'error', cause: end.failure }
  if (!end.done) {
    if (ending === 'cancelled' || ending === 'timeout' || ending === 'refused')
      return { outcome: ending, cause: transport }
    if (ending === 'unsent') return { outcome: 'error', cause: transport }
    if (end.cut_within) return { outcome: 'truncated', cause: transport ?? CUT_EVENT }
    if (end.finish_reason === null) {
      // Bytes that are no HTTP were no response; a connection that closed had begun none, or not ended it.
      if (transport !== null && transport.layer !== 'stream')
        return { outcome: 'error', cause: transport }
      return { outcome: 'truncated', cause: transport ?? (end.chunks === 0 ? EMPTY_BODY : NO_END) }
    }
  }
  if (end.token_chunks === 0) return { outcome: 'length_mismatch', cause: NO_TOKENS }
  return { outcome: end.length_held ? 'ok' : 'length_mismatch', cause: null }
}

const NO_TOKENS: Failure = {
  layer: 'app',
  code: 'no_tokens',
  message: 'the response ended properly and held no token',
}
const NO_END: Failure = {
  layer: 'stream',
  code: 'no_end',
  message: 'the stream closed with neither a finish reason nor [DONE]',
}
const CUT_EVENT: Failure = {
  layer: 'stream',
  code: 'cut_event',
  message: 'the connection ended within an event or a document',
}
const EMPTY_BODY: Failure = {
  layer: 'stream',
  code: 'empty_body',
  message: 'HTTP 200 with an empty body',
}
