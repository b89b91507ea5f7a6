import { setTimeout as sleep } from 'node:timers/promises'
import type { Measurement } from '../analysis/schema/measurement.ts'
import { type Beside, openBeside } from './beside/beside.ts'
import type { Clock } from './clock.ts'
import { faultOf, type MeasuredProgram, startProgram } from './measured-program.ts'
import type { SignalPassing } from './pass-signals.ts'
import {
  type Ending,
  INTERRUPTED,
  type Recording,
  type RecordingParts,
  type RunResult,
  record,
} from './recording.ts'
import { visibleVariables } from './sensors/visible-devices.ts'
import { waitUntilSettled } from './thermal-settle.ts'
import { devicesHere } from './used-devices.ts'
import { recordWindows } from './windows/record-windows.ts'
import type { WindowServer } from './windows/window-server.ts'

/** So long at least is recorded after the program's end: power lags, and a ring is read once a second. */
const TAIL_S = 0.4

export interface MeasureParts extends RecordingParts {
  readonly measurement: Measurement
  readonly windows: WindowServer | null
  readonly signals: SignalPassing
  /** The program's standard output goes to standard error. */
  readonly json: boolean
  readonly stateDir: string
}

/**
 * Measures any program: the wait for settled temperatures where asked for, baseline, measure (its life), cooldown, with the sensors read throughout. Without a command the
 * windows that programs mark are served until Ctrl-C. Its outcome is the program's; throws as {@link record} does.
 */
export async function measureProgram(parts: MeasureParts): Promise<RunResult> {
  const { measurement } = parts
  const openSensors = async (clock: Clock) => {
    const sensors = await parts.openSensors(clock)
    try {
      // Devices that are not here are a wrong configuration, not a run that failed.
      devicesHere(measurement.devices, sensors.devices)
      return sensors
    } catch (error) {
      await sensors.close()
      throw error
    }
  }
  const recorded = { experiment: measurement, cycle: 0 }
  return await record({ ...parts, openSensors }, recorded, (run) => phases(parts, run))
}

async function phases(parts: MeasureParts, run: Recording): Promise<Ending> {
  const { measurement, windows, signals } = parts
  const { baseline_s, cooldown_s } = measurement.phases
  const { draft, sensors, signal } = run
  const used = devicesHere(measurement.devices, sensors.devices)
  const { device_ids } = used
  for (const note of used.notes) parts.reporter.say(note)
  run.event('used_devices', { ...used, variables: visibleVariables(process.env) })
  const beside = await openBeside({
    ...{ run, say: parts.reporter.say, stateDir: parts.stateDir },
    tools: measurement.sensors.beside,
    python: measurement.sensors.beside_python,
    devices: sensors.devices.filter((d) => device_ids.includes(d.device_id)),
  })
  if (windows !== null) recordWindows(windows, run, beside, parts.reporter.say)
  // A worker that names no device would be one on another host.
  if (device_ids.length > 0 || measurement.devices !== null) draft.setWorker(null, device_ids)
  // Ctrl-C ends this waiting even where windows alone are served, which it does not interrupt.
  const stopped = AbortSignal.any([signal, signals.signal])
  await settled(parts, run, device_ids, stopped)
  if (signals.signal.aborted) return INTERRUPTED
  if (baseline_s > 0)
    await run.phase('baseline', baseline_s, () => pause(baseline_s, stopped).catch(() => {}))
  if (signals.signal.aborted) return INTERRUPTED
  const ending = await measured(parts, run, device_ids, beside)
  if (ending === INTERRUPTED) {
    // Ctrl-C is how many a program ends: its joules are told all the same.
    await sleep(TAIL_S * 1000)
    return INTERRUPTED
  }
  if (cooldown_s > 0) await run.phase('cooldown', cooldown_s, () => pause(cooldown_s, signal))
  await pause(Math.max(0, TAIL_S - cooldown_s), signal)
  return ending
}

/** Waits for equally warm GPUs where the configuration asks for it. */
async function settled(
  { measurement, signals, reporter }: MeasureParts,
  run: Recording,
  device_ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const rule = measurement.phases.settle
  if (rule === null) return
  const gpus = run.sensors.devices.filter((d) => d.kind === 'gpu').map((d) => d.device_id)
  try {
    const how = await waitUntilSettled({
      ...{ rule, signal, say: reporter.say, progress: reporter.progress },
      ...{ now_ns: run.clock.now, watch: run.watchSamples, edge: run.edge },
      device_ids: gpus.filter((id) => device_ids.includes(id)),
    })
    run.event('thermal_settle', how)
  } catch (error) {
    if (!signals.signal.aborted) throw error
  }
}

/** Phase measure: the program's life, or until Ctrl-C. */
async function measured(
  parts: MeasureParts,
  run: Recording,
  device_ids: readonly string[],
  beside: Beside,
): Promise<Ending> {
  const { measurement, windows, signals } = parts
  const { command } = measurement
  await beside.begin('measure')
  await run.begin('measure', null)
  if (command === null) {
    parts.reporter.say(
      `Windows are taken at ${windows?.path}; programs find it by LLEM_WINDOWS. Ctrl-C ends.`,
    )
    await aborted(signals.signal, run.signal)
    run.draft.endPhase(run.clock.now())
    await Promise.all([beside.end('measure'), run.edge()])
    return { outcome: 'completed', reason: null }
  }
  if (signals.signal.aborted) return INTERRUPTED
  const program = await startProgram(command, environment(windows), parts.json)
  signals.to(program)
  void program.ended.then(() => signals.to(null))
  if (device_ids.length > 0) run.draft.setWorker(program.pid, device_ids)
  const fault = await untilEnd(run, program, beside)
  if (signals.signal.aborted) return INTERRUPTED
  return fault === null
    ? { outcome: 'completed', reason: null }
    : { outcome: 'failed', reason: `${command[0]} ended with ${fault}` }
}

/** A failure to record does not end the program: it is the user's. */
async function untilEnd(
  run: Recording,
  program: MeasuredProgram,
  beside: Beside,
): Promise<string | null> {
  const end = await program.ended
  run.draft.endPhase(run.clock.now())
  const compared = beside.end('measure')
  const facts = { pid: program.pid, ...end }
  run.event('program_ended', facts)
  run.draft.addEnvironment({ program: facts })
  await Promise.all([compared, run.edge()])
  return faultOf(end)
}

const environment = (windows: WindowServer | null): NodeJS.ProcessEnv =>
  windows === null ? process.env : { ...process.env, LLEM_WINDOWS: windows.path }

const pause = async (seconds: number, signal: AbortSignal): Promise<void> =>
  await sleep(seconds * 1000, undefined, { signal })

const aborted = (...signals: AbortSignal[]): Promise<void> =>
  new Promise((done) => {
    const any = AbortSignal.any(signals)
    if (any.aborted) done()
    else any.addEventListener('abort', () => done(), { once: true })
  })
