import { Worker } from 'node:worker_threads'
import { programPath } from './program.ts'
import type { Sampler, SamplerOptions } from './sampler.ts'
import { createRowUnpacker } from './sampler-batch.ts'
import type { Opened, ThreadAsk, ThreadSays, ThreadStart } from './sampler-messages.ts'
import type { SensorOptions } from './sensors/sensor.ts'

/** Where rows, events and anchors of a sampling thread go. */
export type SamplerSinks = Pick<SamplerOptions, 'interval_ms' | 'sink' | 'onEvent' | 'onAnchor'>

/** This host's sensors, open in a thread of their own. */
export interface SamplerThread extends Opened {
  /** GPUs on which a process holds memory; null where nothing tells. */
  devicesOfProcess(pid: number): Promise<readonly string[] | null>
  /** The sampler of these sensors, once. A thread that has died reads nothing any more: its edges and its stop resolve. */
  sampler(sinks: SamplerSinks): Sampler
  /** Resolves when the thread ends before it was closed, with why. */
  readonly failed: Promise<Error>
  /** Closes the sensors and ends the thread. */
  close(): Promise<void>
}

/**
 * Opens this host's sensors in a thread of their own: a driver's call takes from microseconds to seconds, and the
 * thread that sends the load and stamps its tokens must not wait for it.
 * @param only names of sources to use; null: all
 * @throws Error when the thread ends while it opens them
 */
export async function openSamplerThread(
  host: SensorOptions,
  only: readonly string[] | null,
  path: string = programPath('sampler-worker'),
): Promise<SamplerThread> {
  const { clock, ...rest } = host
  const start: ThreadStart = {
    origin_ns: clock.origin_ns,
    host: { ...rest, env: { ...rest.env } },
    only,
  }
  const worker = new Worker(path, { workerData: start, execArgv: [] })
  const asked = new Map<number, (value: unknown) => void>()
  const unpack = createRowUnpacker()
  let sinks: SamplerSinks | null = null
  let closing = false
  let alive = true
  let next = 0

  let onOpened: (opened: Opened) => void
  const opening = new Promise<Opened>((resolve) => {
    onOpened = resolve
  })
  worker.on('message', (said: ThreadSays) => {
    if (said.say === 'opened') onOpened(said.opened)
    else if (said.say === 'rows') sinks?.sink(unpack(said.batch))
    else if (said.say === 'event') sinks?.onEvent(said.code, said.detail)
    else if (said.say === 'anchor') sinks?.onAnchor(said.anchor)
    else {
      asked.get(said.id)?.(said.value)
      asked.delete(said.id)
    }
  })

  let why: unknown = null
  worker.once('error', (error) => {
    why = error
  })
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve))
  const failed = new Promise<Error>((resolve) => {
    void ended.then((code) => {
      alive = false
      for (const answer of asked.values()) answer(null)
      asked.clear()
      if (!closing) resolve(new Error(sentence(why, code)))
    })
  })

  /** Resolves to null where the thread is gone: `failed` says why. */
  const ask = (question: Question): Promise<unknown> => {
    if (!alive) return Promise.resolve(null)
    const id = next++
    return new Promise((resolve) => {
      asked.set(id, resolve)
      worker.postMessage({ id, ...question })
    })
  }
  const opened = await Promise.race([opening, failed])
  if (opened instanceof Error) throw opened

  return {
    ...opened,
    failed,
    devicesOfProcess: async (pid) =>
      (await ask({ ask: 'devices_of_process', pid })) as readonly string[] | null,
    sampler(given) {
      sinks = given
      return {
        start: async () => void (await ask({ ask: 'start', interval_ms: given.interval_ms })),
        edge: async () => void (await ask({ ask: 'edge' })),
        stop: async () => void (await ask({ ask: 'stop' })),
      }
    },
    async close() {
      closing = true
      await ask({ ask: 'close' })
      await ended
    },
  }
}

type WithoutId<A> = A extends unknown ? Omit<A, 'id'> : never
type Question = WithoutId<ThreadAsk>

function sentence(error: unknown, code: number): string {
  const what =
    error instanceof Error ? error.message : error === null ? `code ${code}` : String(error)
  return `The thread that reads the sensors ended by itself (${what}), so nothing is measured any more; what was recorded until then is kept.`
}
