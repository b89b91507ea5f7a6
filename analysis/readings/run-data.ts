import type { Device, StatedDevice } from '../schema/device.ts'
import {
  dataAsWritten,
  type Experiment,
  experimentConfigSchema,
  loadAsWritten,
  phasesAsWritten,
  sloAsWritten,
} from '../schema/experiment.ts'
import { experimentKey } from '../schema/key.ts'
import { measurementSchema } from '../schema/measurement.ts'
import type { Host, PhaseName, RunFile, RunOutcome } from '../schema/run.ts'
import type { SensorRow } from '../schema/sensor.ts'
import type { EngineRow, EventRow, RequestRow, StepRow, StreamName } from '../schema/stream.ts'
import { relativeTime } from '../schema/time.ts'
import { believedRequest, believedStep } from './believed-counts.ts'
import { type SampleTable, seriesOf } from './sample-table.ts'

/** The configuration as analysis needs it: the parts that it can read, with defaults, and the whole as it was. */
export interface ReadExperiment {
  readonly raw: Readonly<Record<string, unknown>>
  /** `run`: an experiment under our load; `measure`: any program; or what another version writes. */
  readonly kind: string
  readonly name: string | null
  readonly model: string | null
  readonly engine: string | null
  readonly load: Experiment['load']
  readonly data: Experiment['data'] | null
  readonly phases: Experiment['phases']
  readonly slo: Experiment['slo']
  readonly tags: Readonly<Record<string, string>>
  readonly devices: readonly (string | number)[] | null
}

export interface PhaseSpan {
  readonly phase: PhaseName
  readonly start_ns: number
  readonly end_ns: number
}

export interface RunProcess {
  readonly process_id: string
  readonly role: string | null
  readonly pid: number | null
  readonly rank: number | null
  readonly world_size: number | null
  /** Of a worker that does only one of both; null: both, or not said. */
  readonly phase: 'prefill' | 'decode' | null
  readonly device_ids: readonly string[]
  /** False where run.json does not say which devices it computes on: not the same as none. */
  readonly names_devices: boolean
  /** What another tool says that it drew in phase measure. */
  readonly claimed_energy_j: number | null
  readonly clock: readonly { t_ns: number; wall_unix_ns: bigint; error_ns: number | null }[]
}

/**
 * A run as analysis sees it: run.json and its rows, every time a number of nanoseconds since `origin_ns`
 * (0n unless the run's times pass 2^53). Built once at the border; everything in `analysis/` takes this.
 */
export interface RunData {
  readonly run_id: string
  readonly study_id: string | null
  readonly experiment_key: string
  readonly experiment: ReadExperiment
  readonly host: Host | null
  readonly started_at: string | null
  readonly outcome: RunOutcome | null
  readonly reason: string | null
  readonly origin_ns: bigint
  readonly phases: readonly PhaseSpan[]
  readonly devices: readonly Device[]
  readonly processes: readonly RunProcess[]
  readonly sensors: readonly SensorRow[]
  readonly environment: Readonly<Record<string, unknown>>
  readonly samples: SampleTable
  /** Counts that no response can have are null in them: `unbelievable_counts` holds them as recorded. */
  readonly requests: readonly RequestRow[]
  readonly steps: readonly StepRow[]
  /** Steps of which a count is read as absent, since no step can have it. */
  readonly unbelievable_steps?: number
  readonly engine: readonly EngineRow[]
  readonly events: readonly EventRow[]
  /** Which processes recorded rows of a stream; absent: not told. */
  readonly recorders?: Recorders
}

export type Recorders = Readonly<Partial<Record<StreamName, readonly string[]>>>

/** The origin that makes every time of a run an exact number: 0n where they are already. */
export function originOf(file: RunFile): bigint {
  const times = [
    ...file.run.phases.flatMap((p) => [p.start_t_ns, p.end_t_ns]),
    ...file.processes.flatMap((p) => (p.clock ?? []).map((c) => c.t_ns)),
  ]
  const low = times.reduce((a, b) => (b < a ? b : a), times[0] ?? 0n)
  const high = times.reduce((a, b) => (b > a ? b : a), times[0] ?? 0n)
  const LIMIT = 2n ** 52n
  return low > -LIMIT && high < LIMIT ? 0n : low
}

export interface RunRows {
  readonly samples: SampleTable
  readonly requests: readonly RequestRow[]
  readonly steps: readonly StepRow[]
  readonly engine: readonly EngineRow[]
  readonly events: readonly EventRow[]
  /** Which processes recorded rows of a stream; absent: not told. */
  readonly recorders?: Recorders
}

/** Puts run.json and decoded rows together. The rows' times must be relative to `originOf(file)`. */
export function runData(file: RunFile, rows: RunRows): RunData {
  const origin_ns = originOf(file)
  const experiment = readExperiment(file.run.experiment)
  const steps = rows.steps.map(believedStep)
  return Object.freeze({
    run_id: file.run.run_id,
    study_id: file.run.study_id ?? null,
    experiment_key: experimentKey(resolvedExperiment(file.run.experiment)),
    experiment,
    host: file.run.host ?? null,
    started_at: file.run.started_at ?? null,
    outcome: file.run.outcome ?? null,
    reason: file.run.reason ?? null,
    origin_ns,
    phases: file.run.phases.map((p) => ({
      phase: p.phase,
      start_ns: relativeTime(p.start_t_ns, origin_ns),
      end_ns: relativeTime(p.end_t_ns, origin_ns),
    })),
    devices: file.devices.map((d) => ({ ...d, kind: d.kind ?? kindBySamples(d, rows.samples) })),
    processes: file.processes.map((p) => ({
      process_id: p.process_id,
      role: p.role ?? null,
      pid: p.pid ?? null,
      rank: p.rank ?? null,
      world_size: p.world_size ?? null,
      phase: p.phase ?? null,
      device_ids: p.device_ids ?? [],
      names_devices: p.device_ids != null,
      claimed_energy_j: p.claimed_energy_j ?? null,
      clock: (p.clock ?? []).map((c) => ({
        t_ns: relativeTime(c.t_ns, origin_ns),
        wall_unix_ns: c.wall_unix_ns,
        error_ns: c.error_ns ?? null,
      })),
    })),
    sensors: file.sensors ?? [],
    environment: file.environment ?? {},
    ...rows,
    requests: rows.requests.map(believedRequest),
    steps,
    unbelievable_steps: steps.filter((step, i) => step !== rows.steps[i]).length,
  })
}

const KIND_OF_METRIC: Readonly<Record<string, string>> = {
  cpu_energy_uj: 'cpu_package',
  cpu_power_mw: 'cpu_package',
  dram_energy_uj: 'dram',
  dram_power_mw: 'dram',
  npu_energy_uj: 'npu',
  module_power_mw: 'module',
  rail_power_mw: 'rail',
  platform_energy_uj: 'node',
  node_power_mw: 'node',
}

/** What a device is that a record written by hand does not say it of: by what is read of it, else a GPU. */
function kindBySamples({ device_id }: StatedDevice, samples: SampleTable): string {
  const read = new Set(
    seriesOf(samples)
      .filter((s) => s.device_id === device_id)
      .map((s) => s.metric),
  )
  const metric = Object.keys(KIND_OF_METRIC).find((m) => read.has(m))
  return metric === undefined ? 'gpu' : (KIND_OF_METRIC[metric] as string)
}

/**
 * The configuration with every default filled in; a section that this version can't read (an engine of another
 * version, say) as it was written.
 */
export function resolvedExperiment(
  raw: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (kindOf(raw) !== 'run') return measurementSchema.safeParse(raw).data ?? raw
  const whole = experimentConfigSchema.safeParse(raw)
  if (whole.success) return whole.data
  const sections = Object.entries(experimentConfigSchema.shape).map(([key, schema]) => {
    const section = schema.safeParse(raw[key])
    return [key, section.success ? section.data : raw[key]]
  })
  const resolved = { ...raw, ...Object.fromEntries(sections) }
  const { engine } = resolved
  return typeof engine === 'string' ? { ...resolved, engine: { name: engine } } : resolved
}

/**
 * Reads a stored configuration section by section: a bundle may come from another version or be written by
 * hand, and what can't be read must not hide what can.
 */
export function readExperiment(raw: Readonly<Record<string, unknown>>): ReadExperiment {
  const tags = raw['tags']
  return {
    raw,
    kind: kindOf(raw),
    name: typeof raw['name'] === 'string' ? raw['name'] : null,
    model: nameOf(raw['model'], 'id'),
    engine: nameOf(raw['engine'], 'name'),
    load: loadAsWritten(raw['load']),
    data: dataAsWritten(raw['data']),
    phases: phasesAsWritten(raw['phases']),
    slo: sloAsWritten(raw['slo']),
    tags:
      tags !== null && typeof tags === 'object'
        ? Object.fromEntries(Object.entries(tags).map(([k, v]) => [k, String(v)]))
        : {},
    devices: Array.isArray(raw['devices']) ? (raw['devices'] as (string | number)[]) : null,
  }
}

const kindOf = (raw: Readonly<Record<string, unknown>>): string =>
  typeof raw['kind'] === 'string' ? raw['kind'] : 'run'

function nameOf(value: unknown, key: string): string | null {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object') return null
  const name = (value as Record<string, unknown>)[key]
  return typeof name === 'string' ? name : null
}
