import { CommandError } from '../command-error.ts'
import type { ImportLimits } from '../importing/limits.ts'
import { isLoopback, type Listening, listen } from '../listen.ts'
import { checkLock, writeLock } from '../lock-file.ts'
import { chunkWorkerPath, serverProgram } from '../program.ts'
import { openStore, type Store } from '../store/open.ts'
import { liveTokens, newToken } from '../store/tokens.ts'

export interface ServeOptions {
  readonly db: string
  readonly host: string
  readonly port: number
  readonly json: boolean
  readonly untilStdinCloses: boolean
  readonly import_limits: ImportLimits
}

/** Serves until told to stop. Resolves when everything is let go. */
export async function serve(options: ServeOptions): Promise<void> {
  const store = await openStore(options.db, { create: true })
  try {
    await checkLock(store.path)
    const token = await sessionToken(store, options.host)
    const server = await listenOrSay(store, options, token)
    try {
      const unlock = writeLock(store.path, {
        pid: process.pid,
        url: lockUrl(server.url),
        token,
        started_at: new Date().toISOString(),
      })
      try {
        // Heard before anyone knows of us: who reads where we listen may end us at once.
        const told = untilTold(options.untilStdinCloses)
        announce(options, server.url, store.path)
        await told
      } finally {
        unlock()
      }
    } finally {
      await server.close()
    }
  } finally {
    await store.close()
  }
}

/**
 * LLEM_TOKEN, or where tokens are wanted anyway one of our own, so that programs of this user, which can read the
 * lock file, still get in.
 */
async function sessionToken(store: Store, host: string): Promise<string | null> {
  const given = process.env['LLEM_TOKEN']
  if (given) return given
  const tokens = liveTokens(store.raw)()
  if (!isLoopback(host) && tokens.length === 0)
    throw new CommandError(
      2,
      `--host ${host} can be reached from other machines, and no token is set. Make one first: llem-server token create NAME --db ${store.path}`,
    )
  return tokens.length > 0 ? newToken() : null
}

async function listenOrSay(
  store: Store,
  { host, port, import_limits }: ServeOptions,
  session_token: string | null,
): Promise<Listening> {
  const now = () => new Date().toISOString()
  const log = (line: string) => process.stderr.write(`${now()} ${line}\n`)
  try {
    const chunk_worker = chunkWorkerPath()
    const imports = { import_child: serverProgram('import-child'), import_limits }
    return await listen({ store, host, port, session_token, chunk_worker, ...imports, now, log })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE')
      throw new CommandError(
        1,
        `Port ${port} of ${host} is in use by another program. Give another with --port, or 0 for a free one.`,
      )
    if (code === 'EACCES')
      throw new CommandError(
        1,
        `Port ${port} needs more rights than you have. Give one above 1023 with --port.`,
      )
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new CommandError(
        2,
        `--host ${host} is no address of this machine. Give 127.0.0.1 or 0.0.0.0.`,
      )
    throw error
  }
}

/** An address that serves everywhere is reached here by the loopback one. */
const lockUrl = (url: string) =>
  url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:')

function announce({ json }: ServeOptions, url: string, path: string): void {
  if (json) process.stdout.write(`${JSON.stringify({ listening: url, pid: process.pid })}\n`)
  else
    process.stderr.write(
      `Serving ${path} at ${url} (what it can be asked: ${url}/docs). Ctrl-C ends it.\n`,
    )
}

/**
 * With a parent that holds our stdin, Ctrl-C in its terminal reaches us too, and it is the parent's to decide: it may
 * still want to send the end of a run.
 */
function untilTold(untilStdinCloses: boolean): Promise<void> {
  return new Promise<void>((resolve) => {
    process.on('SIGINT', () => {
      if (!untilStdinCloses) resolve()
    })
    process.once('SIGTERM', () => resolve())
    if (!untilStdinCloses) return
    for (const end of ['end', 'close', 'error']) process.stdin.once(end, () => resolve())
    process.stdin.resume()
  }).finally(() => process.stdin.destroy())
}
