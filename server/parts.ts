import type { Auth } from './auth.ts'
import type { Counters } from './counters.ts'
import type { Feed } from './feed.ts'
import type { Imports } from './importing/imports.ts'
import type { ChunkWriter } from './store/chunk-writer.ts'
import type { Store } from './store/open.ts'
import type { Summaries } from './summaries.ts'

/** All that the application is made of; only server/cli and tests put it together. */
export interface Parts {
  readonly store: Store
  readonly writer: ChunkWriter
  readonly imports: Imports
  readonly auth: Auth
  readonly feed: Feed
  readonly counters: Counters
  readonly summaries: Summaries
  /** Refuse requests for another Host than this machine's own names (DNS rebinding). */
  readonly loopback: boolean
  /** Aborted when the server ends, so that open event streams end with it. */
  readonly closing: AbortSignal
  /** ISO 8601 in UTC. */
  now(): string
  /** One line for the operator. */
  log(line: string): void
}
