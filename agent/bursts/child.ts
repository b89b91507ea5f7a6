import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { startChild } from '../engines/child.ts'
import { programPath } from '../program.ts'
import type { KernelName } from './kernels.ts'
import {
  type BurstRequest,
  type BurstWorkerInfo,
  doneSchema,
  failedSchema,
  type Operands,
  readySchema,
  usedSchema,
} from './protocol.ts'

/** Bursts of known work can't be made here, or were not. The message is a sentence. */
export class BurstError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BurstError'
  }
}

/** The longest burst takes 60 s, and the first launch compiles. */
const ANSWER_LIMIT_MS = 180_000

/** The process that makes one GPU work. Every method throws BurstError where it fails or has ended. */
export interface BurstWorker {
  pid(): number
  readonly info: BurstWorkerInfo
  /** What the next bursts do; resolves to the seconds that one launch takes. */
  use(kernel: KernelName, operands: Operands): Promise<number>
  /** So many launches; readings of CLOCK_MONOTONIC around them. */
  burst(launches: number): Promise<{ begin_ns: bigint; end_ns: bigint }>
  /** A new process in its place: after some errors a CUDA context does nothing any more. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts the worker on one GPU.
 * @throws BurstError where CUDA is not there or does not show the GPU
 */
export async function startBurstWorker(uuid: string, stateDir: string): Promise<BurstWorker> {
  let now = await openWorker(uuid, stateDir)
  return {
    pid: () => now.pid,
    info: now.info,
    async use(kernel, operands) {
      return (await now.ask({ use: { kernel, operands } }, usedSchema)).used.launch_s
    },
    async burst(launches) {
      const { done } = await now.ask({ burst: { launches } }, doneSchema)
      return { begin_ns: BigInt(done.begin_ns), end_ns: BigInt(done.end_ns) }
    },
    async restart() {
      await now.stop()
      now = await openWorker(uuid, stateDir)
    },
    stop: () => now.stop(),
  }
}

/** One worker process, ready. */
async function openWorker(uuid: string, stateDir: string) {
  const child = await startChild({
    program: process.execPath,
    args: [programPath('burst-worker'), uuid],
    // Only this GPU: others would get a context, and draw power for it.
    env: { ...process.env, CUDA_VISIBLE_DEVICES: uuid },
    stateDir,
    name: 'burst-worker',
    talks: true,
  })
  const { stdin, stdout } = child.process
  if (stdin === null || stdout === null) throw new Error('The burst worker has no pipes.')
  stdin.on('error', () => {}) // its end is told by its output's end
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()

  async function answer<S extends z.ZodType>(schema: S): Promise<z.output<S>> {
    const late = new AbortController()
    const limit = sleep(ANSWER_LIMIT_MS, null, { signal: late.signal }).catch(() => null)
    const next = await Promise.race([lines.next(), limit]).finally(() => late.abort())
    if (next === null)
      throw new BurstError(
        `The burst worker has not responded for ${ANSWER_LIMIT_MS / 1000} s: the driver of the GPU hangs. Other programs on it may hang too.`,
      )
    const { value, done } = next
    if (done === true)
      throw new BurstError(`The burst worker ended (${await child.exited}). ${child.tail()}`.trim())
    const said: unknown = JSON.parse(value)
    const failed = failedSchema.safeParse(said)
    if (failed.success) throw new BurstError(failed.data.failed)
    return schema.parse(said)
  }
  const stop = () => child.stop('remove')
  try {
    const { ready } = await answer(readySchema)
    return {
      pid: child.pid,
      info: ready,
      stop,
      ask<S extends z.ZodType>(request: BurstRequest, schema: S): Promise<z.output<S>> {
        stdin.write(`${JSON.stringify(request)}\n`)
        return answer(schema)
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
