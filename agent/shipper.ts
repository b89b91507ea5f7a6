import type { ChunkKey, Seal } from '../analysis/schema/wire.ts'
import { type Backoff, exponentialBackoff, waitFor } from './backoff.ts'
import type { ServerClient } from './server-client.ts'
import { ServerError } from './server-error.ts'
import { chunkName, type Spool, type SpoolTarget } from './spool.ts'
import { SpoolError } from './spool-error.ts'

/** The server, wherever it is just now: `resolve` finds or starts it again when it does not answer. */
export interface ShipServer {
  readonly client: ServerClient
  /** How to find it in a later program. */
  readonly target: SpoolTarget
  resolve(): Promise<ServerClient>
}

export interface ShipperOptions {
  readonly spool: Spool
  readonly server: ShipServer
  readonly say: (text: string) => void
  readonly backoff?: Backoff
  /** `finish` gives up when the server has taken nothing for so long. */
  readonly patience_ms?: number
}

/** Sends a run while it runs, and never keeps anyone waiting but the caller of `finish`. */
export interface Shipper {
  /** A chunk has become durable. */
  chunk(key: ChunkKey): void
  /** run.json has changed. */
  update(): void
  /**
   * Notes the run's end in the spool, sends what is left, seals the run and removes the spool. `left`: the server
   * did not take all of it; the spool stays for `llem-agent ship`, and why was said.
   */
  finish(seal: Seal): Promise<'sealed' | 'left'>
  /** Ends at once, leaving the spool. */
  stop(): Promise<void>
}

/** Requests under way at once: enough to hide the server's fsync, few enough not to disturb a measurement. */
const PARALLEL = 8
/** How long the end of a run waits for a server that takes nothing. */
export const PATIENCE_MS = 60_000
/** So often in a row an answer may say "not that way" before it is taken for final. */
const STRIKES = 5

/**
 * A shipper of one spool. It registers the run, then sends its chunks, oldest first, each until it is acknowledged.
 * A server that is away, slow, overloaded or restarted costs time only; a refusal that would come again is said
 * once and ends the sending.
 */
export function createShipper(options: ShipperOptions): Shipper {
  const { spool, server, say, backoff = exponentialBackoff(), patience_ms = PATIENCE_MS } = options
  const { run_id } = spool
  const pending = new Map<string, ChunkKey>()
  const stopped = new AbortController()
  const { signal } = stopped
  let seal: Seal | null = null
  let registered = false
  let outdated = false
  let attempt = 0
  let strikes = 0
  let away = false
  let resent = false
  let wake: () => void = () => undefined
  let patience: NodeJS.Timeout | null = null
  let result: 'sealed' | 'left' = 'left'

  function end(): void {
    stopped.abort()
    wake()
  }

  function progressed(): void {
    attempt = 0
    if (away) say(`The server ${server.client.url} answers again.`)
    away = false
    if (patience !== null) patience.refresh()
  }

  async function register(): Promise<void> {
    await spool.setTarget(server.target).catch(() => undefined)
    const run_json = await spool.readRun()
    let answer: 'new' | 'same'
    try {
      answer = await server.client.register(run_json, signal)
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 409) throw error
      // Known with another run.json: ours is newer.
      await server.client.update(run_id, run_json, signal)
      answer = 'same'
    }
    // A server that does not know the run has none of its chunks either, whatever was acknowledged before.
    const has = answer === 'new' ? new Set<string>() : await spool.acknowledged()
    for (const key of await spool.chunks())
      if (!has.has(chunkName(key))) pending.set(chunkName(key), key)
    registered = true
    progressed()
  }

  async function send(name: string, key: ChunkKey): Promise<void> {
    const bytes = await spool.readChunk(key)
    await server.client.putChunk(run_id, key, bytes, await spool.sha256(key), signal)
    pending.delete(name)
    strikes = 0
    progressed()
    // A full disk must not keep the run from leaving it.
    await spool.acknowledge(key).catch(() => undefined)
  }

  async function sendSome(): Promise<void> {
    const some = [...pending].slice(0, PARALLEL)
    const answers = await Promise.allSettled(some.map(([name, key]) => send(name, key)))
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  }

  async function finishRun(seal: Seal): Promise<void> {
    try {
      await server.client.seal(run_id, seal, signal)
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 409 || resent) throw error
      resent = true
      // The server lacks chunks that it had acknowledged (a restored backup): it gets all again, and keeps what it has.
      for (const key of await spool.chunks()) pending.set(chunkName(key), key)
      return
    }
    result = 'sealed'
    await spool.remove()
    end()
  }

  async function step(): Promise<void> {
    if (!registered) return register()
    if (outdated) {
      outdated = false
      try {
        await server.client.update(run_id, await spool.readRun(), signal)
      } catch (error) {
        outdated = true
        throw error
      }
      return progressed()
    }
    if (pending.size > 0) return sendSome()
    if (seal !== null) return finishRun(seal)
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }

  /** What can be tried again is, after a while; what can't ends the sending. */
  async function recover(error: unknown): Promise<void> {
    if (signal.aborted) return
    if (error instanceof ServerError && mayTryAgain(error)) {
      if (error.status === 404) {
        registered = false
        // The server may know the run from a run.json in which the chunk's process was not there yet.
        outdated = true
      }
      if (!away && error.retry) {
        say(`${error.message} The run is kept in ${spool.dir} and sent when it answers.`)
        away = true
      }
      await waitFor(backoff(attempt++), signal)
      if (error.retry && !signal.aborted) await server.resolve().catch(() => undefined)
      return
    }
    if (error instanceof SpoolError && error.fault === 'gone' && (await isGone(spool))) {
      say(`The spool of run ${run_id} was removed by another program that sent it.`)
      result = 'sealed'
    } else {
      say(
        `${error instanceof Error ? error.message : String(error)} The run is kept in ${spool.dir}.`,
      )
    }
    stopped.abort()
  }

  function mayTryAgain(error: ServerError): boolean {
    if (error.retry) return true
    // 404: the server has lost the run (another database, a restored one); 400: the bytes were spoilt on the way.
    const mayPass = error.status === 404 || (error.status === 400 && error.code.includes('digest'))
    return mayPass && ++strikes <= STRIKES
  }

  async function work(): Promise<void> {
    while (!signal.aborted) await step().catch(recover)
    if (patience !== null) clearTimeout(patience)
  }

  const ended = work()
  return {
    chunk(key) {
      pending.set(chunkName(key), {
        process_id: key.process_id,
        stream: key.stream,
        seq: key.seq,
      })
      wake()
    },
    update() {
      outdated = true
      wake()
    },
    async finish(how) {
      if (result !== 'sealed' && (await spool.readSeal().catch(() => null)) === null)
        await spool.end(how).catch((error: unknown) => say(String((error as Error).message)))
      outdated = true
      seal = how
      patience = setTimeout(() => {
        say(
          `The server ${server.client.url} has taken nothing for ${patience_ms / 1000} s. The run is kept in ${spool.dir}; send it later with: ${shipCommand(server.target)}`,
        )
        end()
      }, patience_ms)
      wake()
      await ended
      clearTimeout(patience)
      return result
    },
    async stop() {
      end()
      await ended
    },
  }
}

/** What sends a run to where it was recorded for. */
export const shipCommand = ({ server, db }: SpoolTarget): string =>
  server !== null
    ? `llem-agent ship --server ${server}`
    : `llem-agent ship${db === null ? '' : ` --db ${db}`}`

async function isGone(spool: Spool): Promise<boolean> {
  return spool.readRun().then(
    () => false,
    (error: unknown) => error instanceof SpoolError && error.fault === 'gone',
  )
}
