import { randomBytes } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { resolve as resolvePath } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ConfigError } from '../analysis/schema/study.ts'
import { isAlive } from './process-alive.ts'
import { findProgram } from './program.ts'
import { readText } from './read-file.ts'
import { type ServerChild, startServer } from './server-child.ts'
import { createServerClient, type ServerClient } from './server-client.ts'
import { ServerError } from './server-error.ts'
import type { ShipServer } from './shipper.ts'

/** A server that takes the run: named by the user, found at work on the database, or started for it. */
export interface ServerConnection extends ShipServer {
  /** Of the server as it is now; `get` and `text` survive its restart. */
  readonly client: ServerClient
  /** Finds or starts the server again, if it does not answer any more. @throws Error, with a sentence */
  resolve(): Promise<ServerClient>
  /** Lets an embedded server finish and end; nothing for others. */
  stop(): Promise<void>
}

export interface ConnectOptions {
  /** URL of a server; null: the one that serves `db`, or else one started for it. */
  readonly server: string | null
  /** Path of a SQLite file, or a postgres:// URL. */
  readonly db: string
  readonly token: string | null
  readonly say: (text: string) => void
  /** What starts the server, without its arguments. */
  readonly command?: readonly [string, ...string[]]
}

/** After that no further server is looked for or started, s. */
const TRY_S = 25
/** The last start that is tried may take half a minute more. */
export const CONNECT_LIMIT_S = 60

const lockSchema = z.looseObject({
  pid: z.int().positive(),
  url: z.url(),
  token: z.string().nullish(),
})

/** @throws ConfigError where there is no server's program */
function serverProgram(): string {
  const path = findProgram('llem-server')
  if (path !== null) return path
  throw new ConfigError([
    {
      path: '--db',
      message:
        'needs llem-server, which is not here (the archive for hosts without network has none; in a checkout npm run build makes it); record with --no-server --out DIR, or send to --server URL',
    },
  ])
}

/**
 * Connects to the server that a run is sent to. With a URL that one, which need not answer yet: the run is recorded
 * all the same. Without, the server whose lock file lies beside the database, if it is alive and answers; else one is
 * started as a child on a free loopback port, and again whenever it dies.
 * @throws ServerStartError with the server's own words when the embedded one can't start
 * @throws ConfigError when the embedded one is not installed
 * @throws ServerError when the URL answers and is no llem server, or refuses the token
 */
export async function connectServer(options: ConnectOptions): Promise<ServerConnection> {
  if (options.server !== null) {
    const client = createServerClient({ url: checkedUrl(options.server), token: options.token })
    await probe(client, options.say)
    return {
      client,
      target: { server: client.url, db: null },
      resolve: async () => client,
      stop: async () => undefined,
    }
  }
  const db = options.db.includes('://') ? options.db : resolvePath(options.db)
  let child: ServerChild | null = null
  let current = await find()
  let finding: Promise<ServerClient> | null = null
  let stopped = false

  async function find(): Promise<ServerClient> {
    const deadline = Date.now() + TRY_S * 1000
    for (let attempt = 1; ; attempt++) {
      const serving = await servingClient(db)
      if (serving !== null) return serving
      try {
        return await start()
      } catch (error) {
        // Another agent may have started one in the same instant, or one may be just ending: while a lock is held
        // that is being decided, and one that was let go in between deserves a second try.
        const held = (await lockOf(db)) !== null
        if (attempt === 10 || Date.now() >= deadline || (!held && attempt > 1)) throw error
        await sleep(100 * attempt)
      }
    }
  }

  async function start(): Promise<ServerClient> {
    const token = randomBytes(24).toString('hex')
    const command = options.command ?? [process.execPath, serverProgram()]
    const arguments_ = ['serve', '--db', db, '--port', '0', '--json', '--until-stdin-closes']
    child = await startServer([...command, ...arguments_], token)
    return createServerClient({ url: child.url, token })
  }

  async function again(): Promise<ServerClient> {
    if (stopped) return current
    // Three times: one that computes a large summary may be slow to answer, and is not dead.
    for (let i = 0; i < 3 && (child === null || child.running()); i++)
      if (await current.healthy()) return current
    // A server that hangs still holds the database: it has to go before another can come.
    await child?.stop()
    child = null
    current = await find()
    return current
  }

  const resolve = (): Promise<ServerClient> => {
    finding ??= again().finally(() => {
      finding = null
    })
    return finding
  }

  async function surviving<T>(ask: (client: ServerClient) => Promise<T>): Promise<T> {
    try {
      return await ask(current)
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== null) throw error
      return ask(await resolve())
    }
  }

  return {
    get client(): ServerClient {
      return {
        ...current,
        get: (path) => surviving((client) => client.get(path)),
        text: (path) => surviving((client) => client.text(path)),
      }
    },
    target: { server: null, db },
    resolve,
    async stop() {
      stopped = true
      await finding?.catch(() => undefined)
      await child?.stop()
    },
  }
}

/** Beside the file itself, as the server has it, wherever links to it lie. */
function lockPath(db: string): string {
  try {
    return `${realpathSync(db)}.lock`
  } catch {
    return `${db}.lock` // not made yet
  }
}

/** What the lock file beside the database says, if the process that wrote it is alive. */
async function lockOf(db: string): Promise<z.infer<typeof lockSchema> | null> {
  if (db.includes('://')) return null
  try {
    const lock = lockSchema.parse(JSON.parse(readText(lockPath(db), 'state')))
    return isAlive({ pid: lock.pid, started: null }) ? lock : null
  } catch {
    return null
  }
}

/** The server that holds the database, if it answers. */
async function servingClient(db: string): Promise<ServerClient | null> {
  const lock = await lockOf(db)
  if (lock === null) return null
  const client = createServerClient({ url: lock.url, token: lock.token ?? null })
  return (await client.healthy()) ? client : null
}

function checkedUrl(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new ServerError({
      status: null,
      code: 'bad_url',
      detail: `--server is "${server}"; it must be an address such as http://host:8642`,
      retry: false,
      kind: 'config',
    })
  if (url.username !== '' || url.password !== '' || url.search !== '')
    throw new ServerError({
      status: null,
      code: 'bad_url',
      detail:
        '--server holds a login or a query; give the address alone, such as http://host:8642, and the token in LLEM_TOKEN',
      retry: false,
      kind: 'config',
    })
  return server
}

/** A wrong address or token shows before a GPU is measured for an hour; a server that is only away does not matter. */
async function probe(client: ServerClient, say: (text: string) => void): Promise<void> {
  try {
    await client.get('/runs?limit=1')
  } catch (error) {
    if (!(error instanceof ServerError) || !error.retry) throw error
    say(`${error.message} What is recorded is kept, and sent when the server answers.`)
  }
}
