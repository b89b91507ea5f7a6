import { short } from './answer-event.ts'
import type { ErrorLayer, Failure } from './answer-record.ts'

export interface TransportFailure {
  readonly failure: Failure
  /** Nobody listens there. */
  readonly refused: boolean
  /** The connection was closed by the other side. */
  readonly reset: boolean
}

const LAYERS: readonly (readonly [RegExp, ErrorLayer])[] = [
  [/^(ENOTFOUND|EAI_)/, 'dns'],
  [/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL|UND_ERR_CONNECT)/, 'connect'],
  [/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY/, 'tls'],
  [/^HPE_|HEADERS_OVERFLOW/, 'http'],
]

/** What a failed connection was, by the codes of Node and undici. */
export function transportFailure(error: Error, host: string): TransportFailure {
  // Several addresses tried: the first tells.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error
  const code = String((first as { code?: unknown }).code ?? first.name)
  const layer = LAYERS.find(([pattern]) => pattern.test(code))?.[1] ?? 'stream'
  return {
    failure: { layer, code: code.toLowerCase(), message: short(`${host}: ${first.message}`) },
    refused: code === 'ECONNREFUSED',
    reset: code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE',
  }
}
