import type { Experiment } from '../../analysis/schema/experiment.ts'
import { isTokenCount } from '../../analysis/schema/token-count.ts'
import { fetch, type RequestInit } from '../fetch.ts'
import { limitOf } from '../time-limit.ts'
import { EngineError } from './engine.ts'

type Json = Readonly<Record<string, unknown>>

export interface Answer {
  readonly status: number
  readonly text: string
  /** The body as JSON; null: it is none. */
  readonly json: Json | null
}

/** Where to ask, with what headers: the part of a running engine that is needed. */
export interface Endpoint {
  readonly base_url: string
  readonly headers: Readonly<Record<string, string>>
}

/** The engine has not responded in time: it hangs, or is slower than what the load allows a request. */
export class NoResponse extends EngineError {
  constructor(url: string, timeout_s: number) {
    super(
      'failed',
      `${url} has sent no whole response within ${timeout_s} s; see whether the engine hangs, or raise load.timeout_s`,
    )
    this.name = 'EngineError'
  }
}

/**
 * One small request outside of the measurement: probes, model lists, tokenising.
 * @param route begins with a slash; `root:` before it leaves out /v1
 * @throws NoResponse after timeout_s; the signal's reason when it is aborted; Error as fetch does, when nobody answers, with
 * the cause's code in the message
 */
export async function ask(
  endpoint: Endpoint,
  route: string,
  body: Json | null,
  signal: AbortSignal,
  timeout_s: number,
): Promise<Answer> {
  const base = endpoint.base_url.replace(/\/$/, '')
  const url = route.startsWith('root:')
    ? `${base.replace(/\/v\d+$/, '')}${route.slice('root:'.length)}`
    : `${base}${route}`
  const init: RequestInit =
    body === null
      ? { headers: { ...endpoint.headers } }
      : {
          method: 'POST',
          headers: { ...endpoint.headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }
  const limit = limitOf(timeout_s)
  const timed = AbortSignal.any([signal, limit])
  try {
    const response = await fetch(url, { ...init, signal: timed })
    const text = await response.text()
    return { status: response.status, text, json: parse(text) }
  } catch (error) {
    signal.throwIfAborted()
    if (limit.aborted) throw new NoResponse(url, timeout_s)
    const cause = (error as { cause?: { code?: string; message?: string } }).cause
    const why = cause?.code ?? cause?.message ?? (error as Error).message
    throw new Error(`${url}: ${why}`)
  }
}

/** The fields that put a prompt to the engine's route, without length or stream. */
export function promptFields(
  api: Experiment['engine']['api'],
  prompt: string | readonly number[],
): Json {
  return api === 'chat' ? { messages: [{ role: 'user', content: prompt }] } : { prompt }
}

export function apiRoute(api: Experiment['engine']['api']): string {
  return api === 'chat' ? '/chat/completions' : '/completions'
}

/** `usage.prompt_tokens` of a whole answer; null: not reported, or a count that no prompt can have. */
export function promptTokens(answer: Answer): number | null {
  const usage = answer.json?.['usage'] as Json | null | undefined
  const n = usage?.['prompt_tokens']
  return isTokenCount(n) ? n : null
}

/** Token ids of a text by /tokenize, in the words of vLLM, SGLang and llama-server; null: it has none. */
export async function tokenize(
  endpoint: Endpoint,
  model: string,
  text: string,
  signal: AbortSignal,
  timeout_s: number,
): Promise<readonly number[] | null> {
  const fields = {
    model,
    prompt: text,
    content: text,
    add_special_tokens: false,
    add_special: false,
  }
  const answer = await ask(endpoint, 'root:/tokenize', fields, signal, timeout_s)
  const ids = answer.json?.['tokens']
  return answer.status === 200 && Array.isArray(ids) && ids.every(Number.isInteger)
    ? (ids as number[])
    : null
}

function parse(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Json)
      : null
  } catch {
    return null
  }
}
