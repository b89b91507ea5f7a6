import { setTimeout as sleep } from 'node:timers/promises'
import type { Device } from '../../analysis/schema/device.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { startBurstWorker } from '../bursts/child.ts'
import { chooseKernel } from '../bursts/choose-kernel.ts'
import { startChild } from '../engines/child.ts'
import { signalGroup } from '../engines/process-group.ts'
import type { Recording } from '../recording.ts'
import { startBurners } from './burners.ts'
import { createDuty, type Duty } from './duty.ts'

/** Work of which so much is done as is asked for. */
export interface CalibrationLoad extends Pick<Duty, 'set' | 'failed'> {
  /** What it is, for the record. */
  readonly facts: Readonly<Record<string, unknown>>
  readonly pid: number | null
}

export interface LoadParts {
  readonly run: Pick<Recording, 'clock' | 'edge' | 'signal' | 'watchSamples' | 'atEnd'>
  readonly device: Device
  /** The user's own work; null: ours. */
  readonly command: string | null
  readonly stateDir: string
  readonly say: (text: string) => void
  readonly random: () => number
}

/** Power readings that are kept for the choice of the kernel. */
const KEPT = 1000

/**
 * Starts the work, at rest: the user's command, else kernels on an NVIDIA GPU, else threads on every core.
 * @throws BurstError, EngineError, ConfigError with a sentence where there is none to be had
 */
export async function startLoad(parts: LoadParts): Promise<CalibrationLoad> {
  if (parts.command !== null) return commandLoad(parts, parts.command)
  return parts.device.kind === 'gpu' ? gpuLoad(parts) : cpuLoad(parts)
}

async function gpuLoad(parts: LoadParts): Promise<CalibrationLoad> {
  const { run, device, say } = parts
  const worker = await startBurstWorker(device.device_id, parts.stateDir)
  run.atEnd(() => worker.stop())
  const power: SampleRow[] = []
  const ended = run.watchSamples((rows) => {
    power.push(
      ...rows.filter((r) => r.metric === 'gpu_power_mw' && r.device_id === device.device_id),
    )
    power.splice(0, power.length - KEPT)
  })
  const { kernel } = await chooseKernel({ run, worker, power, say }, null)
  ended()
  const launch_s = await worker.use(kernel, 'random')
  const duty = createDuty(
    async (seconds) => void (await worker.burst(Math.max(1, Math.round(seconds / launch_s)))),
    parts.random,
  )
  run.atEnd(() => duty.stop())
  return { ...duty, facts: { load: 'kernels', kernel }, pid: worker.pid() }
}

async function cpuLoad({ run, random }: LoadParts): Promise<CalibrationLoad> {
  const burners = startBurners()
  const duty = createDuty(async (seconds) => {
    burners.burn(true)
    await sleep(seconds * 1000)
    burners.burn(false)
  }, random)
  run.atEnd(async () => {
    await duty.stop()
    await burners.stop()
  })
  return { ...duty, facts: { load: 'threads', threads: burners.threads }, pid: null }
}

/** A command of the user's, stopped and continued with all that it starts. */
async function commandLoad(
  { run, stateDir, random }: LoadParts,
  command: string,
): Promise<CalibrationLoad> {
  const child = await startChild({
    ...{ program: '/bin/sh', args: ['-c', command], env: process.env, stateDir },
    ...{ name: 'calibrate-load', talks: false },
  })
  signalGroup(child.pid, 'SIGSTOP')
  let over = false
  const duty = createDuty(async (seconds) => {
    if (over) throw new Error(`--load ended early (${await child.exited}). ${child.tail()}`.trim())
    signalGroup(child.pid, 'SIGCONT')
    await sleep(seconds * 1000)
    signalGroup(child.pid, 'SIGSTOP')
  }, random)
  void child.exited.then(() => {
    over = true
  })
  run.atEnd(async () => {
    await duty.stop()
    // What is stopped hears nothing.
    signalGroup(child.pid, 'SIGCONT')
    await child.stop('remove')
  })
  return { ...duty, facts: { load: 'command', command }, pid: child.pid }
}
