import { v7 as uuidv7 } from 'uuid'
import type { Calibration } from '../analysis/schema/calibration.ts'
import { METER_SOURCES } from '../analysis/schema/meter.ts'
import type { Reason } from '../analysis/schema/reason.ts'
import type { PhaseName, RunOutcome } from '../analysis/schema/run.ts'
import type { SampleRow } from '../analysis/schema/stream.ts'
import { calibrationsHere } from './calibrate/store.ts'
import { type Clock, createClock } from './clock.ts'
import type { Reporter } from './progress.ts'
import type { Recorder } from './recorder.ts'
import { draftRunFile, type RunFileDraft } from './run-file.ts'
import type { SamplerThread } from './sampler-thread.ts'
import type { Spool } from './spool.ts'

/** What a recording is handed: the world outside of one run. */
export interface RecordingParts {
  readonly study_id: string
  /** Opens the sensors on the run's own clock. */
  readonly openSensors: (clock: Clock) => Promise<SamplerThread>
  /** Locks the GPUs that will be measured, for a run; resolves to what unlocks them. */
  readonly lockDevices: (device_ids: readonly string[], run_id: string) => Promise<() => void>
  readonly openSpool: (run_id: string) => Promise<Spool>
  /** Makes the recorder upon a spool that holds its run.json: from here on chunks may be shipped. */
  readonly openRecorder: (spool: Spool, clock: Clock) => Recorder
  /** run.json has changed. */
  readonly onRunChanged: () => void
  readonly reporter: Reporter
  readonly signal: AbortSignal
  /** This host's calibrations; those of the run's devices go into its record. */
  readonly calibrations?: readonly Calibration[]
  /** Redacts what programs write, such as an engine's log. */
  readonly redact?: (text: string) => string
}

/** What is recorded: the configuration as run.json shall hold it. */
export interface Recorded {
  readonly experiment: Readonly<Record<string, unknown>> & {
    readonly sensors: { readonly interval_ms: number }
  }
  readonly cycle: number
}

export interface RunResult {
  readonly run_id: string
  readonly outcome: RunOutcome
  readonly reason: string | null
  readonly spool: Spool
  readonly recorder: Recorder
}

export interface Ending {
  readonly outcome: RunOutcome
  readonly reason: string | null
}
export const INTERRUPTED: Ending = { outcome: 'interrupted', reason: 'stopped by the user' }

/** A run that is being recorded: its sensors are read from before the work begins until after it has ended. */
export interface Recording {
  readonly clock: Clock
  readonly draft: RunFileDraft
  readonly recorder: Recorder
  readonly sensors: SamplerThread
  /** Aborted by the user's Ctrl-C, or by our own end after a failure: both stop the work in the same way. */
  readonly signal: AbortSignal
  event(code: string, detail: unknown): void
  /** Begins a marked phase after a reading of every sensor. */
  begin(name: PhaseName, seconds: number | null): Promise<void>
  /** Reads every sensor once. */
  edge(): Promise<void>
  /** Runs one marked phase between two readings of the edge sensors, so that counters bracket it. */
  phase(name: PhaseName, seconds: number | null, work: () => Promise<void>): Promise<void>
  /** Hands on every sample that is read from now on; returns what ends that. */
  watchSamples(take: (rows: readonly SampleRow[]) => void): () => void
  /** Writes run.json as it stands. */
  save(): Promise<void>
  /** Is stopped when the work is over, however it ended, while the sensors are still read. */
  atEnd(stop: () => Promise<void>): void
}

/** A driver of GPUs that is there and refuses is told at once: the run would be without GPUs, or of the CPU alone. */
const DRIVERS: readonly string[] = ['nvml', 'amdsmi']
/** A meter is there only where the user named it, so one that can't be read is told too. */
const METERS: readonly string[] = METER_SOURCES
const REFUSED: readonly Reason[] = ['no_driver', 'permission_denied']

/**
 * Records one run: opens sensors, spool and recorder, does the work meanwhile and closes them. Whatever happens
 * after the spool is open, what was recorded is kept and the outcome says how it ended; only what makes the run
 * impossible before that is thrown (ConfigError, LockError, SpoolError, Interrupted).
 */
export async function record(
  parts: RecordingParts,
  { experiment, cycle }: Recorded,
  work: (recording: Recording) => Promise<Ending>,
): Promise<RunResult> {
  const { reporter, signal } = parts
  const clock = createClock()
  const run_id = uuidv7()
  const sensors = await parts.openSensors(clock)
  let unlock = () => {}
  try {
    unlock = await parts.lockDevices(
      sensors.devices.filter((d) => d.kind === 'gpu').map((d) => d.device_id),
      run_id,
    )
    const { calibrations, notes } = calibrationsHere(
      parts.calibrations ?? [],
      sensors.devices,
      sensors.environment,
    )
    for (const note of notes) reporter.say(note)
    for (const { source, reason, device_id, fix } of sensors.missing)
      if (
        METERS.includes(source) ||
        (device_id === null && DRIVERS.includes(source) && REFUSED.includes(reason))
      )
        reporter.say(fix)
    const draft = draftRunFile({
      run_id,
      experiment,
      cycle,
      study_id: parts.study_id,
      clock,
      devices: sensors.devices,
      sensors: sensors.sensors,
      environment: {
        ...sensors.environment,
        missing_sensors: sensors.missing.map(({ source, device_id, reason, fix }) => ({
          source,
          device_id,
          reason,
          fix,
        })),
        ...(calibrations.length === 0 ? {} : { calibrations }),
      },
    })
    const spool = await parts.openSpool(draft.run_id)
    await spool.writeRun(draft.build(clock.now()))
    const recorder = parts.openRecorder(spool, clock)
    const event = (code: string, detail: unknown) =>
      recorder.add(draft.processes.load, 'event', {
        t_ns: clock.now(),
        code,
        detail: typeof detail === 'string' ? detail : JSON.stringify(detail),
      })
    for (const missing of sensors.missing)
      event('sensor_missing', { source: missing.source, reason: missing.reason, fix: missing.fix })
    const watchers = new Set<(rows: readonly SampleRow[]) => void>()
    const sampler = sensors.sampler({
      interval_ms: experiment.sensors.interval_ms,
      sink(rows) {
        recorder.addAll(draft.processes.sampler, 'sample', rows)
        for (const take of watchers) take(rows)
      },
      onEvent: event,
      onAnchor: draft.addAnchor,
    })
    await sampler.start()

    const abandon = new AbortController()
    const stops: (() => Promise<void>)[] = []
    const save = async () => {
      await spool.writeRun(draft.build(clock.now()))
      parts.onRunChanged()
    }
    const recording: Recording = {
      ...{ clock, draft, recorder, sensors, event, save },
      signal: AbortSignal.any([signal, abandon.signal]),
      async begin(name, seconds) {
        reporter.phase(name, seconds)
        await sampler.edge()
        draft.beginPhase(name, clock.now())
        await save()
      },
      edge: sampler.edge,
      watchSamples(take) {
        watchers.add(take)
        return () => watchers.delete(take)
      },
      async phase(name, seconds, inside) {
        recording.signal.throwIfAborted()
        await recording.begin(name, seconds)
        await inside()
        draft.endPhase(clock.now())
        await sampler.edge()
      },
      atEnd: (stop) => stops.push(stop),
    }
    let lost: Error | null = null
    void recorder.failed.then((error) => {
      lost = error
    })
    const working = work(recording)
    let ending: Ending
    try {
      ending = await race(working, Promise.race([recorder.failed, sensors.failed]))
    } catch (error) {
      ending = signal.aborted ? INTERRUPTED : { outcome: 'failed', reason: sentence(error) }
      abandon.abort(error)
      await working.catch(() => {})
    }
    draft.endPhase(clock.now())
    /** What fails now is told, and costs nothing of what was recorded. */
    const failed = (error: unknown) => {
      if (ending.outcome === 'completed') ending = { outcome: 'failed', reason: sentence(error) }
    }
    for (const stop of stops) await stop().catch(failed)
    await sampler.stop()
    draft.addAnchor(clock.anchor())
    await recorder.close()
    if (lost !== null) failed(lost)
    draft.end(ending.outcome, ending.reason)
    await save()
    reporter.runEnds()
    return { run_id: draft.run_id, ...ending, spool, recorder }
  } finally {
    unlock()
    await sensors.close()
  }
}

/** The work's result, or the failure that came first. */
export async function race<T>(work: Promise<T>, failure: Promise<Error>): Promise<T> {
  const failed = failure.then((error) => {
    throw error
  })
  failed.catch(() => {})
  return await Promise.race([work, failed])
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
