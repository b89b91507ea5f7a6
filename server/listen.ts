import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { createApp } from './app.ts'
import { createAuth } from './auth.ts'
import { createCounters } from './counters.ts'
import { createFeed } from './feed.ts'
import { createImports } from './importing/imports.ts'
import type { ImportLimits } from './importing/limits.ts'
import { createChunkWriter } from './store/chunk-writer.ts'
import type { Store } from './store/open.ts'
import { createSummaries } from './summaries.ts'

export interface ListenOptions {
  readonly store: Store
  readonly host: string
  /** 0: a free one. */
  readonly port: number
  /** Accepted beside the stored tokens, and then wanted. */
  readonly session_token: string | null
  /** Path of the bundled chunk-worker. */
  readonly chunk_worker: string
  /** Path of the bundled import-child. */
  readonly import_child: string
  readonly import_limits: ImportLimits
  now(): string
  log(line: string): void
}

export interface Listening {
  readonly url: string
  /** Finishes what is being answered, then lets go. The store stays open. */
  close(): Promise<void>
}

/** Answers still under way at the end get this long. */
const GRACE_MS = 3_000
const SWEEP_MS = 20

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/**
 * Serves a store over HTTP.
 * @throws the listening error of node:net (EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOTFOUND)
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { store, host, session_token, now, log } = options
  const loopback = isLoopback(host)
  const closing = new AbortController()
  const writer = createChunkWriter({
    path: store.path,
    busy_timeout_ms: store.busy_timeout_ms,
    worker: options.chunk_worker,
  })
  const imports = createImports({
    store,
    limits: options.import_limits,
    program: options.import_child,
    log,
  })
  const app = createApp({
    store,
    writer,
    imports,
    auth: createAuth({ store, session_token, always: !loopback, now }),
    feed: createFeed(),
    counters: createCounters(),
    summaries: createSummaries(store, now, log),
    loopback,
    closing: closing.signal,
    now,
    log,
  })
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port: options.port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (error) {
    await writer.close()
    throw error
  }
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close() {
      closing.abort()
      const imported = imports.close()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // A connection that was busy at first is idle, and kept alive, once its answer is out.
      const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS)
      const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS)
      await closed
      clearInterval(sweep)
      clearTimeout(timer)
      await imported
      await writer.close()
    },
  }
}
