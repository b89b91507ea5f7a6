import { setTimeout as sleep } from 'node:timers/promises'
import { BURST_EVENTS, type BurstDetail, type BurstLoad } from '../../analysis/schema/bursts.ts'
import { measurementSchema } from '../../analysis/schema/measurement.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { type Recording, type RecordingParts, type RunResult, record } from '../recording.ts'
import { type BurstWorker, startBurstWorker } from './child.ts'
import { chooseKernel, type Trial, tryKernel } from './choose-kernel.ts'
import { type BurstPlan, expectedSeconds, WAIT_S } from './plan.ts'
import { openPolledPower, type PolledPower } from './polled-power.ts'
import type { Operands } from './protocol.ts'
import { openSteppedCounter, type SteppedCounter } from './stepped-counter.ts'
import { burstTarget } from './target.ts'

/** What the GPU draws with its context open and no work. */
const IDLE_S = 3
/** Idle on either side of other work: bursts look about a second around themselves for their idle power. */
const APART_S = 1.5
/** Power readings that are kept for the choice of the kernel. */
const KEPT = 1000

export interface BurstParts extends RecordingParts {
  readonly plan: BurstPlan
  readonly nvmlPath: string | null
  readonly stateDir: string
  /** A number in [0, 1): the waits' random part. */
  readonly random: () => number
}

const OPERANDS_OF: Readonly<Record<BurstLoad, Operands>> = { full: 'random', constant: 'zero' }

/**
 * Makes bursts of known work on one GPU and records them as a run: phases idle, warmup (the kernel is chosen and timed)
 * and measure, with an event at both ends of each burst and a reading of everything between two of them.
 * @throws BurstError where there is no GPU to make them on
 */
export async function measureBursts(parts: BurstParts): Promise<RunResult> {
  const { plan } = parts
  const power: SampleRow[] = []
  let device_id = ''
  let polled: PolledPower | null = null
  let counter: SteppedCounter | null = null
  const sensorOf = (sensors: readonly SensorRow[], source: SensorRow['source']) =>
    sensors.find((s) => s.device_id === device_id && s.source === source)
  const measurement = measurementSchema.parse({ name: 'doctor --bursts', command: null })
  const withPolls: RecordingParts = {
    ...parts,
    async openSensors(clock) {
      const thread = await parts.openSensors(clock)
      try {
        const device = burstTarget(plan.device, thread.devices, thread.sensors)
        device_id = device.device_id
        polled = await openPolledPower(device, parts.nvmlPath)
        const energy = sensorOf(thread.sensors, 'nvml_energy')
        if (energy) counter = await openSteppedCounter(energy, parts.nvmlPath)
      } catch (error) {
        await thread.close()
        throw error
      }
      const ring = sensorOf(thread.sensors, 'nvml_power_ring')?.sensor_id
      return {
        ...thread,
        sensors: [
          ...thread.sensors.filter((s) => s.sensor_id !== polled?.row.sensor_id),
          ...(polled === null ? [] : [polled.row]),
        ],
        sampler: (given) =>
          thread.sampler({
            ...given,
            sink(rows) {
              power.push(...rows.filter((row) => row.sensor_id === ring))
              power.splice(0, power.length - KEPT)
              given.sink(rows)
            },
          }),
      }
    },
  }
  try {
    return await record(withPolls, { experiment: measurement, cycle: 0 }, async (run) => {
      const { draft, recorder, clock } = run
      polled?.start(clock, (row) => recorder.add(draft.processes.sampler, 'sample', row))
      const readGap = async () => {
        await run.edge()
        await counter?.catchStep(clock, (row) =>
          recorder.add(draft.processes.sampler, 'sample', row),
        )
      }
      const worker = await startBurstWorker(device_id, parts.stateDir)
      run.atEnd(() => worker.stop())
      draft.setWorker(worker.pid(), [device_id])
      await run.phase('idle', IDLE_S, () => pause(IDLE_S, run.signal))
      await bursts(parts, run, worker, { device_id, power, readGap })
      await pause(APART_S, run.signal)
      return { outcome: 'completed', reason: null }
    })
  } finally {
    ;(polled as PolledPower | null)?.stop()
    ;(counter as SteppedCounter | null)?.stop()
  }
}

interface BurstDevice {
  readonly device_id: string
  /** Its latest power. */
  readonly power: readonly SampleRow[]
  /** Reads everything in a gap between bursts, and catches the counter as it steps. */
  readGap(): Promise<void>
}

async function bursts(
  { plan, reporter, random }: BurstParts,
  run: Recording,
  worker: BurstWorker,
  { device_id, power, readGap }: BurstDevice,
): Promise<void> {
  const { signal, draft } = run
  const trials: Trial[] = []
  await run.phase('warmup', null, async () => {
    const parts = { run, worker, power, say: reporter.say }
    const chosen = await chooseKernel(parts, plan.kernel)
    // A launch's time under each load, since bursts are counted in launches.
    for (const load of plan.loads)
      trials.push(await tryKernel(parts, chosen.kernel, OPERANDS_OF[load]))
    const { repeat } = plan
    draft.setWorker(worker.pid(), [device_id])
    draft.addEnvironment({ bursts: { ...worker.info, ...chosen, loads: trials, repeat } })
    for (const { kernel, operands, power_w } of [...chosen.trials, ...trials])
      reporter.say(`kernel ${kernel}, ${operands} operands: ${power_w?.toFixed(0) ?? 'unknown'} W`)
  })
  const total = plan.loads.length * plan.lengths_ms.length * plan.repeat
  reporter.say(
    `${total} bursts on ${device_id}, about ${Math.ceil(expectedSeconds(plan) / 60)} min`,
  )
  await run.begin('measure', null)
  let burst = 0
  for (const [k, load] of plan.loads.entries()) {
    const { kernel, launch_s } = trials[k] as Trial
    await pause(APART_S, signal)
    await worker.use(kernel, OPERANDS_OF[load])
    await pause(APART_S, signal)
    for (const length_ms of plan.lengths_ms) {
      const launches = Math.max(1, Math.round(length_ms / 1000 / launch_s))
      for (let i = 0; i < plan.repeat; i++) {
        signal.throwIfAborted()
        reporter.step(`burst ${burst + 1} of ${total}: ${load} load, ${length_ms} ms`)
        await readGap()
        await pause(WAIT_S.quiet + random() * WAIT_S.quiet_random, signal)
        await oneBurst(run, worker, { device_id, load, length_ms, launches, burst })
        burst++
        await pause(WAIT_S.settle + random() * WAIT_S.settle_random, signal)
      }
    }
    await readGap()
  }
  draft.endPhase(run.clock.now())
}

async function oneBurst(run: Recording, worker: BurstWorker, detail: BurstDetail): Promise<void> {
  const { begin_ns, end_ns } = await worker.burst(detail.launches)
  const { recorder, draft, clock } = run
  for (const [code, at] of [
    [BURST_EVENTS.begin, begin_ns],
    [BURST_EVENTS.end, end_ns],
  ] as const)
    recorder.add(draft.processes.load, 'event', {
      t_ns: clock.fromHrtime(at),
      code,
      detail: JSON.stringify(detail),
    })
}

const pause = async (seconds: number, signal: AbortSignal): Promise<void> =>
  await sleep(seconds * 1000, undefined, { signal })
