import type { z } from 'zod'
import { fetch, type Response } from '../fetch.ts'
import type { Miss, ProviderWorld } from './provider.ts'

export const MOST_TIMEOUT_MS = 10_000
const MOST_BYTES = 32 * 1024 * 1024

/**
 * One answer of a publisher as text; every failure is a miss, no exception.
 * @param title who is asked, as messages name it; addresses are not shown, since they may hold keys
 */
export async function ask(
  world: ProviderWorld,
  title: string,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string | Miss> {
  const timeout_ms = Math.min(world.timeout_ms, MOST_TIMEOUT_MS)
  const signal = AbortSignal.timeout(timeout_ms)
  try {
    const answer = await fetch(url, { headers, signal, redirect: 'error' })
    if (!answer.ok) {
      await answer.body?.cancel()
      return refused(title, answer.status, answer.headers.get('retry-after'))
    }
    return await textOf(answer, title)
  } catch (error) {
    if (signal.aborted)
      return {
        miss: 'timeout',
        message: `${title} did not answer within ${timeout_ms / 1000} s; try again later.`,
      }
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return {
      miss: 'unreachable',
      message: `${title} can't be reached (${cause instanceof Error ? cause.message : String(cause)}).`,
    }
  }
}

async function textOf(answer: Response, title: string): Promise<string | Miss> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of answer.body ?? []) {
    size += part.byteLength
    if (size > MOST_BYTES)
      return { miss: 'unreadable', message: `${title} sent more than ${MOST_BYTES} bytes.` }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function refused(title: string, status: number, retry: string | null): Miss {
  if (status === 401 || status === 403)
    return {
      miss: 'unauthorized',
      message: `${title} refused the key (${status}); check it, and what it may ask for.`,
    }
  if (status === 429)
    return {
      miss: 'rate_limited',
      message: `${title} was asked too often (429); ${retry === null ? 'wait a while' : `it says to wait ${retry} s`} and fetch again: what came is kept.`,
    }
  if (status === 404)
    return { miss: 'no_data', message: `${title} has nothing at this address (404).` }
  if (status >= 500)
    return { miss: 'server_error', message: `${title} failed (${status}); try again later.` }
  return { miss: 'unreadable', message: `${title} refused the request (${status}).` }
}

/** The same as JSON of a known shape. */
export async function askJson<T>(
  world: ProviderWorld,
  title: string,
  url: string,
  schema: z.ZodType<T>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly data: T } | Miss> {
  const text = await ask(world, title, url, headers)
  if (typeof text !== 'string') return text
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { miss: 'unreadable', message: `${title} answered with something that is not JSON.` }
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { data: parsed.data }
  const [issue] = parsed.error.issues
  return {
    miss: 'unreadable',
    message: `${title} answered another shape than it documents: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`,
  }
}

/** The key of a publisher, or the miss that says which variable to set. */
export function keyOf(world: ProviderWorld, title: string, name: string): string | Miss {
  const key = world.env[name]
  return key === undefined || key === ''
    ? { miss: 'not_configured', message: `${title} needs a key: set ${name}.` }
    : key
}

/** A span in parts of at most so long, as a publisher gives them. */
export function* parts(
  from_ms: number,
  to_ms: number,
  most_ms: number,
): Generator<readonly [number, number]> {
  for (let at = from_ms; at < to_ms; at += most_ms) yield [at, Math.min(at + most_ms, to_ms)]
}

export const MS_PER_MINUTE = 60_000
export const MS_PER_HOUR = 3_600_000
export const MS_PER_DAY = 86_400_000
