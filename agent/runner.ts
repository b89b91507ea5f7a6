import { setTimeout as sleep } from 'node:timers/promises'
import type { Device } from '../analysis/schema/device.ts'
import type { Experiment } from '../analysis/schema/experiment.ts'
import type { StudyItem } from '../analysis/schema/study.ts'
import { type Beside, openBeside } from './beside/beside.ts'
import { BESIDE_LIMITS } from './beside/tool-process.ts'
import type { Clock } from './clock.ts'
import { checkDevices } from './device-check.ts'
import { engineEnvironment } from './engine-environment.ts'
import { EngineError, type EngineKind, type RunningEngine } from './engines/engine.ts'
import { createLoadGenerator } from './load/generator.ts'
import type { LoadGenerator } from './load/load.ts'
import { createRequestSource, PROBES_LIMIT_S } from './load/request-source.ts'
import {
  type Ending,
  INTERRUPTED,
  type Recording,
  type RecordingParts,
  type RunResult,
  race,
  record,
} from './recording.ts'
import { visibleVariables } from './sensors/visible-devices.ts'
import { waitUntilSettled } from './thermal-settle.ts'
import { configuredDevices, usedDevices } from './used-devices.ts'
import { waiting } from './wait-line.ts'

/** TERM and KILL of a started engine, s. */
const STOP_S = 10
/** So long at least is recorded after the last answer. */
const TAIL_S = 0.4

export interface RunnerParts extends RecordingParts {
  readonly item: StudyItem
  readonly kind: EngineKind
  readonly stateDir: string
}

/**
 * One execution of one experiment: baseline, load, idle, warmup, measure, drain, cooldown, each marked, with the
 * sensors read throughout. Throws only what makes the run impossible before anything is recorded (ConfigError,
 * EngineError config).
 */
export async function runExperiment(parts: RunnerParts): Promise<RunResult> {
  const { experiment } = parts.item
  const openSensors = async (clock: Clock) => {
    const sensors = await parts.openSensors(clock)
    try {
      // Better said before an engine takes minutes to load.
      for (const warning of checkDevices(experiment, sensors.devices, sensors.environment))
        parts.reporter.say(warning)
    } catch (error) {
      await sensors.close()
      throw error
    }
    return sensors
  }
  return await record({ ...parts, openSensors }, parts.item, (recording) =>
    runPhases(parts, recording),
  )
}

async function runPhases(parts: RunnerParts, run: Recording): Promise<Ending> {
  const { item, reporter } = parts
  const { draft, signal, event } = run
  const { experiment } = item
  const shown = parts.redact ?? ((text: string) => text)
  const launches = experiment.engine.name !== 'openai' || experiment.engine.launcher === 'command'

  if (experiment.phases.settle !== null)
    event(
      'thermal_settle',
      await waitUntilSettled({
        rule: experiment.phases.settle,
        device_ids: gpusToSettle(experiment, run.sensors.devices),
        now_ns: run.clock.now,
        watch: run.watchSamples,
        edge: run.edge,
        say: reporter.say,
        progress: reporter.progress,
        signal,
      }),
    )
  // Nothing can be known of the time before an attached engine was there, so it has no baseline.
  if (launches && experiment.phases.baseline_s > 0)
    await run.phase('baseline', experiment.phases.baseline_s, () =>
      pause(experiment.phases.baseline_s, signal),
    )
  let worker: RunningEngine | null = null
  await run.phase('load', null, async () => {
    let doing = 'starting'
    // An engine's response may quote its keys.
    const show = (text: string) => {
      doing = shown(text)
    }
    const end = reporter.wait(
      () => `the engine (${doing})`,
      experiment.engine.name === 'openai' ? experiment.engine.ready_timeout_s : null,
    )
    try {
      const { stateDir, redact } = parts
      const report = { say: show, progress: show }
      worker = await parts.kind.start({
        ...{ experiment, signal, stateDir, ...report },
        ...(redact ? { redact } : {}),
      })
    } finally {
      end()
    }
  })
  const engine = worker as unknown as RunningEngine
  run.atEnd(() => waiting(reporter, 'the engine to end', STOP_S, () => engine.stop()))
  const env = engineEnvironment(experiment, engine.pid)
  const { devices, devicesOfProcess } = run.sensors
  const used = await usedDevices(experiment, devices, engine, devicesOfProcess, env)
  // What hides GPUs from a started engine was said before it was started.
  if (!launches || used.reason !== null) for (const note of used.notes) reporter.say(note)
  event('used_devices', { ...used, variables: visibleVariables(env) })
  draft.setWorker(engine.pid, used.device_ids)
  draft.addEnvironment({ engine: engine.info })
  if (engine.info.model_info['synthetic_weights'] === true)
    event(
      'synthetic_weights',
      'the weights are random: joules and seconds are real, the text is noise',
    )
  await run.save()
  const beside = await waiting(reporter, 'the other tools', BESIDE_LIMITS.open_ms / 1000, () =>
    openBeside({
      ...{ run, say: reporter.say, stateDir: parts.stateDir },
      tools: experiment.sensors.beside,
      python: experiment.sensors.beside_python,
      devices: run.sensors.devices.filter((d) => used.device_ids.includes(d.device_id)),
    }),
  )

  const died = engine.died.then((reason) => new EngineError('failed', reason))
  return await race(underLoad(parts, run, engine, beside), died)
}

async function underLoad(
  parts: RunnerParts,
  run: Recording,
  engine: RunningEngine,
  beside: Beside,
): Promise<Ending> {
  const { item, reporter } = parts
  const { clock, draft, recorder, signal, event } = run
  const { experiment } = item
  if (experiment.phases.idle_s > 0)
    await run.phase('idle', experiment.phases.idle_s, () => pause(experiment.phases.idle_s, signal))

  const source = await waiting(
    reporter,
    `the engine to count the tokens of prompts (each request ${experiment.load.timeout_s} s at most)`,
    PROBES_LIMIT_S,
    () => createRequestSource(experiment, engine, signal),
  )
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
      await run.phase('warmup', null, async () => event('warmup', await generator.warmup()))

    let result: Awaited<ReturnType<LoadGenerator['measure']>> | null = null
    await beside.begin('measure')
    await run.begin('measure', experiment.load.duration_s)
    result = await generator.measure('measure')
    // Sending stopped before the last answers came: the time between is the drain.
    draft.endPhase(result.stopped_t_ns)
    draft.beginPhase('drain', result.stopped_t_ns)
    draft.endPhase(clock.now())
    const compared = beside.end('measure')
    await run.edge()
    await compared
    event('client_self', result.self)
    event('load_ended', {
      by: result.ended_by,
      sent: result.sent,
      ok: result.ok,
      failed: result.failed,
    })

    if (!signal.aborted && experiment.phases.cooldown_s > 0)
      await run.phase('cooldown', experiment.phases.cooldown_s, () =>
        pause(experiment.phases.cooldown_s, signal),
      )
    if (!signal.aborted && experiment.phases.idle_after_s > 0)
      await run.phase('idle', experiment.phases.idle_after_s, () =>
        pause(experiment.phases.idle_after_s, signal),
      )
    if (signal.aborted) return INTERRUPTED
    // Power lags the work, and a window's last edge needs a reading beyond it.
    await pause(Math.max(0, TAIL_S - experiment.phases.cooldown_s), signal).catch(() => {})
    return { outcome: 'completed', reason: null }
  } finally {
    await generator.close()
  }
}

/** Before the engine is there its GPUs are those of the configuration, or all. */
function gpusToSettle(experiment: Experiment, devices: readonly Device[]): string[] {
  const gpus = devices.filter((d) => d.kind === 'gpu').map((d) => d.device_id)
  if (experiment.devices === null) return gpus
  const wanted = configuredDevices(experiment.devices, devices)
  return gpus.filter((id) => wanted.includes(id))
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal })
}
