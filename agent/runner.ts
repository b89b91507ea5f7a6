import { setTimeout as sleep } from 'node:timers/promises'
import type { PhaseName, RunOutcome } from '../analysis/schema/run.ts'
import type { StudyItem } from '../analysis/schema/study.ts'
import { type Clock, createClock } from './clock.ts'
import { EngineError, type EngineKind, type RunningEngine } from './engines/engine.ts'
import { createLoadGenerator } from './load/generator.ts'
import type { LoadGenerator } from './load/load.ts'
import { createRequestSource } from './load/request-source.ts'
import type { Reporter } from './progress.ts'
import type { Recorder } from './recorder.ts'
import { draftRunFile, type RunFileDraft } from './run-file.ts'
import { createSampler, type Sampler } from './sampler.ts'
import type { DetectedSensors } from './sensors/detect.ts'
import type { Spool } from './spool.ts'
import { usedDevices } from './used-devices.ts'

/** So long at least is recorded after the last answer. */
const TAIL_S = 0.4

/** What the runner is handed: the world outside of one run. */
export interface RunnerParts {
  readonly item: StudyItem
  readonly study_id: string
  readonly kind: EngineKind
  /** Opens the sensors on the run's own clock. */
  readonly detect: (clock: Clock) => Promise<DetectedSensors>
  /** Locks the GPUs that will be measured; resolves to what unlocks them. */
  readonly lockDevices: (device_ids: readonly string[]) => Promise<() => void>
  readonly openSpool: (run_id: string) => Promise<Spool>
  /** Makes the recorder upon a spool that holds its run.json: from here on chunks may be shipped. */
  readonly openRecorder: (spool: Spool, clock: Clock) => Recorder
  /** run.json has changed. */
  readonly onRunChanged: () => void
  readonly reporter: Reporter
  readonly signal: AbortSignal
  readonly stateDir: string
}

export interface RunResult {
  readonly run_id: string
  readonly outcome: RunOutcome
  readonly reason: string | null
  readonly spool: Spool
  readonly recorder: Recorder
}

/**
 * One execution of one experiment: baseline, load, idle, warmup, measure, drain, cooldown, each marked, with the
 * sensors read throughout. Whatever happens after the spool is open, what was recorded is kept and the outcome
 * says how it ended; only what makes the run impossible before that is thrown (ConfigError, EngineError config).
 */
export async function runExperiment(parts: RunnerParts): Promise<RunResult> {
  const { item, reporter, signal } = parts
  const { experiment } = item
  const clock = createClock()
  const sensors = await parts.detect(clock)
  const unlock = await parts.lockDevices(
    sensors.devices.filter((d) => d.kind === 'gpu').map((d) => d.device_id),
  )
  try {
    const draft = draftRunFile({
      item,
      study_id: parts.study_id,
      clock,
      devices: sensors.devices,
      sensors: sensors.sensors.map((s) => s.row),
      environment: {
        ...sensors.environment,
        missing_sensors: sensors.missing.map(({ source, device_id, reason, fix }) => ({
          source,
          device_id,
          reason,
          fix,
        })),
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
    const sampler = createSampler({
      clock,
      sensors: sensors.sensors,
      interval_ms: experiment.sensors.interval_ms,
      sink: (rows) => recorder.addAll(draft.processes.sampler, 'sample', rows),
      onEvent: event,
      onAnchor: draft.addAnchor,
    })
    await sampler.start()
    // The user's Ctrl-C, or our own end after a failure: both stop the load in the same way.
    const abandon = new AbortController()
    const run: OpenRun = {
      ...parts,
      ...{ clock, draft, spool, recorder, sampler, event, engine: null },
      signal: AbortSignal.any([signal, abandon.signal]),
    }
    let ending: Ending
    const phases = runPhases(run, sensors)
    try {
      ending = await race(phases, recorder.failed)
    } catch (error) {
      ending = signal.aborted ? INTERRUPTED : { outcome: 'failed', reason: sentence(error) }
      abandon.abort(error)
      await phases.catch(() => {})
    }
    draft.endPhase(clock.now())
    await run.engine?.stop()
    await sampler.stop()
    draft.addAnchor(clock.anchor())
    draft.end(ending.outcome, ending.reason)
    await recorder.close()
    await writeRun(run)
    reporter.runEnds()
    return { run_id: draft.run_id, ...ending, spool, recorder }
  } finally {
    unlock()
    sensors.close()
  }
}

interface Ending {
  readonly outcome: RunOutcome
  readonly reason: string | null
}
const INTERRUPTED: Ending = { outcome: 'interrupted', reason: 'stopped by the user' }

interface OpenRun extends RunnerParts {
  readonly clock: Clock
  readonly draft: RunFileDraft
  readonly spool: Spool
  readonly recorder: Recorder
  readonly sampler: Sampler
  readonly event: (code: string, detail: unknown) => void
  engine: RunningEngine | null
}

async function runPhases(run: OpenRun, sensors: DetectedSensors): Promise<Ending> {
  const { item, draft, signal, reporter, event } = run
  const { experiment } = item
  const launches = experiment.engine.name !== 'openai' || experiment.engine.launcher === 'command'

  // Nothing can be known of the time before an attached engine was there, so it has no baseline.
  if (launches && experiment.phases.baseline_s > 0)
    await phase(run, 'baseline', experiment.phases.baseline_s, () =>
      pause(experiment.phases.baseline_s, signal),
    )
  let worker: RunningEngine | null = null
  await phase(run, 'load', null, async () => {
    worker = await run.kind.start({
      experiment,
      signal,
      say: (text) => reporter.progress(0, text),
      progress: (text) => reporter.progress(0, text),
      stateDir: run.stateDir,
    })
  })
  const engine = worker as unknown as RunningEngine
  run.engine = engine
  draft.setWorker(
    engine.pid,
    usedDevices(experiment, sensors.devices, engine, sensors.devicesOfProcess),
  )
  draft.addEnvironment({ engine: engine.info })
  if (engine.info.model_info['synthetic_weights'] === true)
    event(
      'synthetic_weights',
      'the weights are random: joules and seconds are real, the text is noise',
    )
  await writeRun(run)

  const died = engine.died.then((reason) => new EngineError('failed', reason))
  return await race(underLoad(run, engine), died)
}

async function underLoad(run: OpenRun, engine: RunningEngine): Promise<Ending> {
  const { item, clock, draft, recorder, signal, reporter, event } = run
  const { experiment } = item
  if (experiment.phases.idle_s > 0)
    await phase(run, 'idle', experiment.phases.idle_s, () =>
      pause(experiment.phases.idle_s, signal),
    )

  const source = await createRequestSource(experiment, engine)
  if (!source.measured)
    event(
      'prompt_length_assumed',
      'the engine tells no counts that fit; one token a word is assumed',
    )
  const generator: LoadGenerator = await createLoadGenerator({
    clock,
    engine,
    experiment,
    source,
    worker: 0,
    onRequest: (row) => recorder.add(draft.processes.load, 'request', row),
    onProgress: (p) =>
      reporter.progress(p.fraction, `${p.done} done${p.failed > 0 ? `, ${p.failed} failed` : ''}`),
    signal,
  })
  try {
    if (experiment.phases.warmup !== 0)
      await phase(run, 'warmup', null, async () => event('warmup', await generator.warmup()))

    let result: Awaited<ReturnType<LoadGenerator['measure']>> | null = null
    await begin(run, 'measure', experiment.load.duration_s)
    result = await generator.measure('measure')
    // Sending stopped before the last answers came: the time between is the drain.
    draft.endPhase(result.stopped_t_ns)
    draft.beginPhase('drain', result.stopped_t_ns)
    draft.endPhase(clock.now())
    await run.sampler.edge()
    event('client_self', result.self)
    event('load_ended', {
      by: result.ended_by,
      sent: result.sent,
      ok: result.ok,
      failed: result.failed,
    })

    if (!signal.aborted && experiment.phases.cooldown_s > 0)
      await phase(run, 'cooldown', experiment.phases.cooldown_s, () =>
        pause(experiment.phases.cooldown_s, signal),
      )
    if (signal.aborted) return INTERRUPTED
    // Power lags the work, and a window's last edge needs a reading beyond it.
    await pause(Math.max(0, TAIL_S - experiment.phases.cooldown_s), signal).catch(() => {})
    return { outcome: 'completed', reason: null }
  } finally {
    await generator.close()
  }
}

/** Runs one marked phase between two readings of the edge sensors, so that counters bracket it. */
async function phase(
  run: OpenRun,
  name: PhaseName,
  seconds: number | null,
  work: () => Promise<void>,
): Promise<void> {
  run.signal.throwIfAborted()
  await begin(run, name, seconds)
  await work()
  run.draft.endPhase(run.clock.now())
  await run.sampler.edge()
}

async function begin(run: OpenRun, name: PhaseName, seconds: number | null): Promise<void> {
  run.reporter.phase(name, seconds)
  await run.sampler.edge()
  run.draft.beginPhase(name, run.clock.now())
  await writeRun(run)
}

async function writeRun(run: OpenRun): Promise<void> {
  await run.spool.writeRun(run.draft.build(run.clock.now()))
  run.onRunChanged()
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal })
}

/** The work's result, or the failure that came first. */
async function race<T>(work: Promise<T>, failure: Promise<Error>): Promise<T> {
  const failed = failure.then((error) => {
    throw error
  })
  failed.catch(() => {})
  return await Promise.race([work, failed])
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
