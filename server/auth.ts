import { timingSafeEqual } from 'node:crypto'
import { HttpProblem } from './problem.ts'
import type { Store } from './store/open.ts'
import { sha256 } from './store/sha256.ts'
import { liveTokens, touchToken } from './store/tokens.ts'

export interface Auth {
  /**
   * Who asks.
   * @throws HttpProblem 401 when a token is needed and the one given is not accepted
   */
  actorOf(authorization: string | null): Promise<string>
}

export interface AuthOptions {
  readonly store: Store
  /** Accepted beside the stored tokens; with it every request needs a token. */
  readonly session_token: string | null
  /** Every request needs a token, whatever is stored (the server can be reached from other hosts). */
  readonly always: boolean
  now(): string
}

/** `last_used_at` is kept to about this, so that ingest does not write twice for every chunk. */
const TOUCH_EVERY_MS = 60_000

/**
 * Bearer tokens, stored as hashes. On loopback none is needed until one is given to the server or made with
 * `llem-server token create`.
 */
export function createAuth({ store, session_token, always, now }: AuthOptions): Auth {
  const session = session_token === null ? null : hash(session_token)
  const touched = new Map<string, number>()
  const live = liveTokens(store.raw)
  return {
    async actorOf(authorization) {
      const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
      const given = token === undefined ? null : hash(token)
      if (given && session && timingSafeEqual(given, session)) return 'session'
      const tokens = live()
      if (given) {
        let name: string | null = null
        for (const row of tokens)
          if (timingSafeEqual(given, Buffer.from(row.sha256, 'hex'))) name = row.name
        if (name !== null) {
          const time = Date.parse(now())
          if (time - (touched.get(name) ?? 0) > TOUCH_EVERY_MS) {
            touched.set(name, time)
            await touchToken(store.db, name, now())
          }
          return name
        }
      }
      if (session === null && !always && tokens.length === 0) return 'local'
      throw new HttpProblem(
        401,
        'unauthorized',
        `${given ? 'The token is not known or was revoked' : 'This server wants a token'}. Send Authorization: Bearer TOKEN (the agent takes it from LLEM_TOKEN); llem-server token create makes one.`,
        { headers: { 'www-authenticate': 'Bearer' } },
      )
    },
  }
}

const hash = (token: string): Buffer => Buffer.from(sha256(token), 'hex')
