import { setTimeout as sleep } from 'node:timers/promises'
import { measurementSchema } from '../../analysis/schema/measurement.ts'
import { type Recording, type RecordingParts, type RunResult, race, record } from '../recording.ts'
import { type CalibrationLoad, startLoad } from './load.ts'
import { type CalibratePlan, levelsOf, plannedSeconds, settleSeconds } from './plan.ts'
import { calibrationTarget, meterLag, requireMeter } from './target.ts'
import type { TypedReadings } from './typed.ts'

/** A meter is asked once a second and answers late: so long after the last step its readings still come. */
const TAIL_S = 1.2

export interface CalibrateParts extends RecordingParts {
  readonly plan: CalibratePlan
  readonly sensors: Readonly<Record<string, unknown>>
  readonly typed: TypedReadings | null
  readonly stateDir: string
  readonly random: () => number
  /** The device was chosen. */
  readonly onTarget: (device_id: string) => void
}

/**
 * Records steps of load on one device, with its sensors and the meter read throughout: phases warmup (the load is
 * chosen) and measure, with an event for each step.
 * @throws ConfigError where device or meter are not there
 */
export async function measureCalibration(parts: CalibrateParts): Promise<RunResult> {
  const { plan, reporter } = parts
  const measurement = measurementSchema.parse({
    ...{ name: 'calibrate', command: null, sensors: parts.sensors },
  })
  const openSensors: RecordingParts['openSensors'] = async (clock) => {
    const thread = await parts.openSensors(clock)
    try {
      calibrationTarget(plan.device, thread.devices, thread.sensors)
      requireMeter(plan.meter, thread.sensors, thread.missing)
      return thread
    } catch (error) {
      await thread.close()
      throw error
    }
  }
  // What is calibrated is what the sensor itself says.
  const raw = { ...parts, openSensors, calibrations: [] }
  return await record(raw, { experiment: measurement, cycle: 0 }, async (run) => {
    const { devices, sensors } = run.sensors
    const device = calibrationTarget(plan.device, devices, sensors)
    parts.onTarget(device.device_id)
    const settle_s = settleSeconds(plan, meterLag(plan.meter, sensors))
    let load: CalibrationLoad | null = null
    await run.phase('warmup', null, async () => {
      load = await startLoad({
        ...{ run, device, command: plan.load, stateDir: parts.stateDir },
        ...{ say: reporter.say, random: parts.random },
      })
    })
    const ready = load as unknown as CalibrationLoad
    run.draft.setWorker(ready.pid, [device.device_id])
    run.draft.addEnvironment({ calibrate: { ...planOf(plan), ...ready.facts, settle_s } })
    reporter.say(
      `${device.model ?? device.kind} ${device.device_id}: ${levelsOf(plan.steps).length} steps, about ${Math.ceil(plannedSeconds(plan, settle_s) / 60)} min. Leave the node alone meanwhile.`,
    )
    await race(allSteps(parts, run, ready, settle_s), ready.failed)
    await pause(TAIL_S, run.signal)
    return { outcome: 'completed', reason: null }
  })
}

/** What was asked of the calibration and nothing else: `plan` may hold more, such as paths of the host. */
const planOf = ({
  device,
  meter,
  sees,
  steps,
  step_s,
  settle_s,
  load,
}: CalibratePlan): CalibratePlan => ({ device, meter, sees, steps, step_s, settle_s, load })

async function allSteps(
  { plan, reporter, typed }: CalibrateParts,
  run: Recording,
  load: CalibrationLoad,
  settle_s: number,
): Promise<void> {
  await run.begin('measure', null)
  const levels = levelsOf(plan.steps)
  for (const [step, level] of levels.entries()) {
    run.signal.throwIfAborted()
    const words = `step ${step + 1} of ${levels.length}: ${level === 0 ? 'idle' : `${Math.round(100 * level)} % load`}`
    reporter.step(words)
    load.set(level)
    await pause(settle_s, run.signal)
    await run.edge()
    const start_t_ns = run.clock.now()
    const [read] = await Promise.all([
      typed?.next(`${words}. Type the mean watts that the meter shows:`, run.signal) ?? null,
      pause(plan.step_s, run.signal),
    ])
    const end_t_ns = run.clock.now()
    await run.edge()
    run.event('calibration_step', { step, level, start_t_ns, end_t_ns, ...read })
  }
  load.set(0)
  run.draft.endPhase(run.clock.now())
}

const pause = async (seconds: number, signal: AbortSignal): Promise<void> =>
  await sleep(seconds * 1000, undefined, { signal })
