import { setMaxListeners } from 'node:events'
import type { Load } from '../../analysis/schema/experiment.ts'
import type { RequestRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { arrivals } from './arrivals.ts'
import type { Prepared } from './lookahead.ts'
import type { Sender } from './send.ts'
import { waitUntil } from './wait-until.ts'

export interface Drive {
  readonly clock: Clock
  readonly sender: Sender
  readonly load: Load
  readonly phase: string
  /** Names the stream of arrivals. */
  readonly purpose: 'warmup' | 'measure'
  readonly next: () => Promise<Prepared>
  /** No more than so many; null: until stopped. */
  readonly requests: number | null
  /** Aborted: nothing more is sent. */
  readonly stop: AbortSignal
  /** Aborted: open requests are cancelled. */
  readonly cancel: AbortSignal
  readonly onSent: () => void
  readonly onRow: (row: RequestRow) => void
}

export interface Driven {
  /** The instant after which nothing was sent. */
  readonly stopped_t_ns: number
  /** Resolves when every request has ended. */
  readonly drained: Promise<void>
}

/** A dead engine refuses at once; without a pause its failures would fill the disk. */
const PAUSE_AFTER_REFUSAL_MS = 100

/** Sends the load until it is stopped or the requests are used up; the answers may still be on their way then. */
export function drive(run: Drive): Promise<Driven> {
  // Each open request listens.
  setMaxListeners(0, run.stop, run.cancel)
  return run.load.shape === 'closed' ? closedLoop(run) : openLoop(run)
}

/** A fixed number in flight: each end begins the next. */
async function closedLoop(run: Drive): Promise<Driven> {
  const { clock, stop } = run
  const requests = run.requests ?? Number.POSITIVE_INFINITY
  let taken = 0
  let sent = 0
  let stopped_t_ns = clock.now()
  const last = deferred()
  const work = async () => {
    while (!stop.aborted && taken < requests) {
      taken++
      const prepared = await run.next()
      // Aborted while the prompt was made.
      if (stop.aborted) break
      stopped_t_ns = clock.now()
      run.onSent()
      const ended = send(run, prepared, null)
      if (++sent === requests) last.resolve()
      if ((await ended) === 'refused') await pause(PAUSE_AFTER_REFUSAL_MS, stop)
    }
  }
  onAbort(stop, last.resolve)
  const drained = Promise.all(Array.from({ length: run.load.concurrency ?? 1 }, work))
  // A prompt that can't be made ends the loop with its reason.
  await Promise.race([last.promise, drained])
  return {
    stopped_t_ns: stop.aborted ? clock.now() : stopped_t_ns,
    drained: drained.then(() => {}),
  }
}

/**
 * Requests at their scheduled instants, counted from the start and never from one another: a late one does not
 * move the others. With a limit of concurrency they wait at the client, and their schedule stays as it was.
 */
async function openLoop(run: Drive): Promise<Driven> {
  const { clock, stop, load } = run
  const schedule = arrivals(load, run.purpose)
  const limit = load.concurrency ?? Number.POSITIVE_INFINITY
  const open = new Set<Promise<unknown>>()
  let free = deferred()
  onAbort(stop, () => free.resolve())
  const start_t_ns = clock.now()
  let stopped_t_ns = start_t_ns
  for (let i = 0; run.requests === null || i < run.requests; i++) {
    const scheduled_t_ns = start_t_ns + Math.round((schedule.next().value as number) * 1e9)
    const prepared = await run.next()
    await waitUntil(scheduled_t_ns, clock, stop)
    while (open.size >= limit && !stop.aborted) await free.promise
    if (stop.aborted) break
    stopped_t_ns = clock.now()
    run.onSent()
    const ended = send(run, prepared, scheduled_t_ns).finally(() => {
      open.delete(ended)
      free.resolve()
      free = deferred()
    })
    open.add(ended)
  }
  return {
    stopped_t_ns: stop.aborted ? clock.now() : stopped_t_ns,
    drained: Promise.all(open).then(() => {}),
  }
}

async function send(run: Drive, prepared: Prepared, scheduled_t_ns: number | null) {
  const row = await run.sender.send({
    ...prepared,
    phase: run.phase,
    scheduled_t_ns,
    signal: run.cancel,
  })
  run.onRow(row)
  return row.outcome
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((r) => {
    resolve = r
  })
  return { promise, resolve }
}

function onAbort(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener, { once: true })
}
