import { setTimeout as sleep } from 'node:timers/promises'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Recording } from '../recording.ts'
import type { BurstWorker } from './child.ts'
import { BurstError } from './child.ts'
import type { KernelName } from './kernels.ts'
import type { Operands } from './protocol.ts'

/** A trial lasts so long, and its power is that of its last part: clocks and limiter have settled. */
const TRIAL_S = 1
const JUDGED_S = 0.4
/** So long after a trial the ring holds all of it. */
const AFTER_S = 0.15

/** What a kernel drew and how long one of its launches took, when it worked for a second. */
export interface Trial {
  readonly kernel: KernelName
  readonly operands: Operands
  readonly launch_s: number
  /** null: no reading in time. */
  readonly power_w: number | null
}

/** The means of a trial: the run, the worker, and the ring's rows as they come in. */
export interface TrialParts {
  readonly run: Pick<Recording, 'clock' | 'edge' | 'signal'>
  readonly worker: BurstWorker
  readonly power: readonly SampleRow[]
  readonly say: (text: string) => void
}

/** Lets a kernel work for a second. */
export async function tryKernel(
  { run, worker, power }: TrialParts,
  kernel: KernelName,
  operands: Operands,
): Promise<Trial> {
  const first_s = await worker.use(kernel, operands)
  const launches = Math.max(1, Math.round(TRIAL_S / first_s))
  const { begin_ns, end_ns } = await worker.burst(launches)
  await sleep(AFTER_S * 1000, undefined, { signal: run.signal })
  await run.edge()
  const to = run.clock.fromHrtime(end_ns)
  const from = Math.max(run.clock.fromHrtime(begin_ns), to - JUDGED_S * 1e9)
  const watts = power
    .filter((row) => row.t_ns > from && row.t_ns <= to)
    .flatMap((row) => (row.value == null ? [] : row.value / 1000))
  return {
    kernel,
    operands,
    launch_s: Number(end_ns - begin_ns) / 1e9 / launches,
    power_w: watts.length === 0 ? null : watts.reduce((a, b) => a + b, 0) / watts.length,
  }
}

/**
 * The kernel that draws most on this card with random operands, or the one asked for.
 * @throws BurstError where the card can't run the one asked for
 */
export async function chooseKernel(
  parts: TrialParts,
  asked: KernelName | null,
): Promise<{ readonly kernel: KernelName; readonly trials: readonly Trial[] }> {
  const { kernels } = parts.worker.info
  if (asked !== null && !kernels.includes(asked))
    throw new BurstError(
      `--kernel is ${asked}, which this card can't run; it runs ${kernels.join(', ')}.`,
    )
  const trials: Trial[] = []
  for (const kernel of asked === null ? kernels : [asked])
    try {
      trials.push(await tryKernel(parts, kernel, 'random'))
    } catch (error) {
      // One that finds too little free memory, or that the driver does not take, leaves the others.
      const isLast = trials.length === 0 && kernel === (asked ?? kernels.at(-1))
      if (isLast || !(error instanceof BurstError)) throw error
      parts.say(`kernel ${kernel}: ${error.message}`)
      await parts.worker.restart()
    }
  const best = trials.reduce((a, b) => ((b.power_w ?? 0) > (a.power_w ?? 0) ? b : a))
  return { kernel: best.kernel, trials }
}
