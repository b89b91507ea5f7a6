import type { Failure } from './outcome.ts'
import { findError, readError, short } from './response-error.ts'

/** Whether a status alone says that there is no completion: no success, or a success that has no body. */
export function isNoResponse(status: number): boolean {
  return status < 200 || status > 299 || status === 204 || status === 205
}

/** The failure of a response with such a status, in the engine's own words where its body has any. */
export function httpFailure(status: number, body: string): Failure {
  const { message } = errorIn(body)
  const without = status < 300 ? `HTTP ${status}: a response without a body` : `HTTP ${status}`
  return { layer: 'http', code: `http_${status}`, message: message || without }
}

function errorIn(body: string): { readonly message: string } {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return { message: short(body) }
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return readError(value)
  return findError(value as Readonly<Record<string, unknown>>) ?? readError(value)
}
