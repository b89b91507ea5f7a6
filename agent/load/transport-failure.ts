import type { ErrorLayer, Failure } from './outcome.ts'
import { short } from './response-error.ts'

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
  // What the other side sends is no HTTP: undici gives the parser's code, or in WebAssembly only its class.
  [/^HPE_|HEADERS_OVERFLOW|^HTTPParserError$/, 'http'],
]

/** What a failed connection was, by the codes of Node and undici. */
export function transportFailure(error: Error, host: string): TransportFailure {
  // Several addresses tried: the first one counts.
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error
  const code = String((first as { code?: unknown }).code ?? first.name)
  const layer = LAYERS.find(([pattern]) => pattern.test(code))?.[1] ?? 'stream'
  return {
    failure: { layer, code: code.toLowerCase(), message: short(`${host}: ${first.message}`) },
    refused: code === 'ECONNREFUSED',
    reset: code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE',
  }
}
