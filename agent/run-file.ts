import { v7 as uuidv7 } from 'uuid'
import type { Device } from '../analysis/schema/device.ts'
import {
  BUNDLE_VERSION,
  type PhaseName,
  type RunFileInput,
  type RunOutcome,
} from '../analysis/schema/run.ts'
import type { SensorRow } from '../analysis/schema/sensor.ts'
import type { Clock, ClockAnchor } from './clock.ts'
import { describeHost } from './host.ts'
import { VERSION } from './program.ts'

/** The run's description while it grows: written to the spool at each phase, sent whole at the end. */
export interface RunFileDraft {
  readonly run_id: string
  readonly processes: { readonly load: string; readonly sampler: string; readonly worker: string }
  beginPhase(phase: PhaseName, t_ns: number): void
  endPhase(t_ns: number): void
  setWorker(pid: number | null, device_ids: readonly string[]): void
  addEnvironment(more: Readonly<Record<string, unknown>>): void
  addAnchor(anchor: ClockAnchor): void
  /** `now_ns` closes the phase that is still open, so that each written file is whole. */
  build(now_ns: number): RunFileInput
  end(outcome: RunOutcome, reason: string | null): void
}

export function draftRunFile(options: {
  readonly run_id: string
  readonly experiment: Readonly<Record<string, unknown>>
  readonly cycle: number
  readonly study_id: string
  readonly clock: Clock
  readonly devices: readonly Device[]
  readonly sensors: readonly SensorRow[]
  readonly environment: Readonly<Record<string, unknown>>
}): RunFileDraft {
  const { run_id } = options
  const processes = { load: uuidv7(), sampler: uuidv7(), worker: uuidv7() }
  const started_at = new Date().toISOString()
  const host = describeHost()
  const phases: { phase: PhaseName; start_t_ns: number; end_t_ns: number | null }[] = []
  const anchors = [{ ...options.clock.anchor() }]
  let environment: Record<string, unknown> = { agent_version: VERSION, ...options.environment }
  let worker: { pid: number | null; device_ids: readonly string[] } | null = null
  let outcome: RunOutcome | null = null
  let reason: string | null = null

  return {
    run_id,
    processes,
    beginPhase(phase, t_ns) {
      phases.push({ phase, start_t_ns: t_ns, end_t_ns: null })
    },
    endPhase(t_ns) {
      const last = phases.at(-1)
      if (last && last.end_t_ns === null) last.end_t_ns = t_ns
    },
    setWorker(pid, device_ids) {
      worker = { pid, device_ids }
    },
    addEnvironment(more) {
      environment = { ...environment, ...more }
    },
    addAnchor(anchor) {
      anchors.push({ ...anchor })
    },
    end(how, why) {
      outcome = how
      reason = why
    },
    build(now_ns) {
      return {
        bundle_version: BUNDLE_VERSION,
        run: {
          run_id,
          study_id: options.study_id,
          cycle: options.cycle,
          experiment: options.experiment,
          host,
          started_at,
          phases: phases.map((p) => ({ ...p, end_t_ns: p.end_t_ns ?? now_ns })),
          ...(outcome === null ? {} : { outcome, reason }),
        },
        devices: [...options.devices],
        processes: [
          {
            process_id: processes.load,
            role: 'load',
            pid: process.pid,
            device_ids: [],
            clock: [...anchors],
          },
          {
            process_id: processes.sampler,
            role: 'sampler',
            pid: process.pid,
            device_ids: [],
            clock: [...anchors],
          },
          ...(worker === null
            ? []
            : [
                {
                  process_id: processes.worker,
                  role: 'worker',
                  pid: worker.pid,
                  rank: 0,
                  world_size: 1,
                  device_ids: [...worker.device_ids],
                },
              ]),
        ],
        sensors: [...options.sensors],
        environment,
      }
    },
  }
}
