import { Worker } from 'node:worker_threads'
import { programPath } from './program.ts'
import type { Sampler, SamplerOptions } from './sampler.ts'
import { createRowUnpacker } from './sampler-batch.ts'
import type { Opened, ThreadAsk, ThreadSays, ThreadStart } from './sampler-messages.ts'
import type { SensorOptions } from './sensors/sensor.ts'

/** A driver that has not answered for this long is not waited for any more: the run goes on without that reading. */
const ANSWER_LIMIT_MS = 30_000
/** A meter may take a minute to say that it does not answer; a driver that takes longer hangs. */
export const OPEN_LIMIT_MS = 120_000

/** The sensors can't be opened, or their thread is gone. The message is a sentence. */
export class SensorError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SensorError'
  }
}

/** Where rows, events and anchors of a sampling thread go. */
export type SamplerSinks = Pick<SamplerOptions, 'interval_ms' | 'sink' | 'onEvent' | 'onAnchor'>

/** This host's sensors, open in a thread of their own. */
export interface SamplerThread extends Opened {
  /** GPUs on which a process holds memory; null where nothing tells. */
  devicesOfProcess(pid: number): Promise<readonly string[] | null>
  /**
   * The sampler of these sensors, once. What it promises resolves even where the thread has died, which `failed` tells, or
   * a driver does not answer, which the event `sampler_stalled` tells.
   */
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
 * @throws SensorError when the thread ends while it opens them, or does not get done
 */
export async function openSamplerThread(
  host: SensorOptions,
  only: readonly string[] | null,
  {
    path = programPath('sampler-worker'),
    limit_ms = ANSWER_LIMIT_MS,
    open_limit_ms = OPEN_LIMIT_MS,
  }: {
    readonly path?: string
    readonly limit_ms?: number
    readonly open_limit_ms?: number
  } = {},
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
      if (!closing) resolve(new SensorError(sentence(why, code)))
    })
  })

  /** Resolves to null where the thread is gone: `failed` says why. */
  const ask = async (question: Question): Promise<unknown> => {
    if (!alive) return null
    const id = next++
    const answered = new Promise<unknown>((resolve) => asked.set(id, resolve))
    worker.postMessage({ id, ...question })
    const value = await within(answered, limit_ms)
    if (value !== LATE) return value
    asked.delete(id)
    sinks?.onEvent('sampler_stalled', { asked: question.ask, limit_s: limit_ms / 1000 })
    return null
  }
  const opened = await within(Promise.race([opening, failed]), open_limit_ms)
  if (opened instanceof Error) throw opened
  if (opened === LATE) {
    closing = true
    // It hangs in a call of a driver, which nothing can end: neither must this process wait for it.
    worker.unref()
    void worker.terminate()
    throw new SensorError(
      `The sensors could not be opened within ${open_limit_ms / 1000} s: a driver does not answer. llem-agent doctor looks at them one by one; sensors.only leaves one out.`,
    )
  }

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
      if ((await within(ended, limit_ms)) !== LATE) return
      // It hangs in a call of a driver, which nothing can end: neither must this process wait for it.
      worker.unref()
      void worker.terminate()
    },
  }
}

const LATE = Symbol('late')

async function within<T>(work: Promise<T>, limit_ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => resolve(LATE), limit_ms)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

type WithoutId<A> = A extends unknown ? Omit<A, 'id'> : never
type Question = WithoutId<ThreadAsk>

function sentence(error: unknown, code: number): string {
  const what =
    error instanceof Error ? error.message : error === null ? `code ${code}` : String(error)
  return `The thread that reads the sensors ended by itself (${what}), so nothing is measured any more; what was recorded until then is kept.`
}
