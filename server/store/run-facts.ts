import { precisionOf } from '../../analysis/definition.ts'
import { engineFlags } from '../../analysis/engine-command.ts'
import { readExperiment, resolvedExperiment } from '../../analysis/readings/run-data.ts'
import { usedDeviceIds } from '../../analysis/readings/used-devices.ts'
import { experimentKey } from '../../analysis/schema/key.ts'
import type { RunFile } from '../../analysis/schema/run.ts'
import type { RunFacts } from './tables.ts'

export const RUN_FACTS = [
  'study_id',
  'experiment_key',
  'name',
  'task',
  'model',
  'engine',
  'gpu_model',
  'num_gpus',
  'precision',
  'batch_limit',
  'tensor_parallel',
  'host',
  'site',
  'started_at',
] as const satisfies readonly (keyof RunFacts)[]

/**
 * What lists filter by, from run.json: configuration, environment, what the engine tells, tags, and the flags of its
 * command. What none of them says is null.
 */
export function runFacts(file: RunFile): RunFacts {
  const raw = file.run.experiment
  const experiment = readExperiment(raw)
  const environment = file.environment ?? {}
  const devices = file.devices.map((d) => ({ ...d, kind: d.kind ?? 'gpu' }))
  const processes = file.processes.map((p) => ({
    role: p.role ?? null,
    device_ids: p.device_ids ?? [],
    names_devices: p.device_ids != null,
  }))
  const used = usedDeviceIds({ experiment, devices, processes })
  const gpus = devices.filter(
    (d) => (d.kind === 'gpu' || d.kind === 'gpu_instance') && used.has(d.device_id),
  )
  const models = [...new Set(gpus.map((d) => d.model).filter((m) => typeof m === 'string'))].sort()
  const flags = engineFlags({ experiment })
  const said = (key: string) =>
    at(raw, 'engine', key) ??
    at(raw, 'model', key) ??
    raw[key] ??
    environment[key] ??
    at(environment, 'engine', key) ??
    at(raw, 'tags', key) ??
    null
  const flag = (...names: string[]) => names.map((n) => flags.get(n)).find((v) => v != null) ?? null
  return {
    study_id: file.run.study_id ?? null,
    experiment_key: experimentKey(resolvedExperiment(raw)),
    name: experiment.name,
    task: text(raw['task'] ?? at(raw, 'tags', 'task')),
    model: experiment.model,
    engine: experiment.engine,
    gpu_model: models.length > 0 ? models.join(', ') : null,
    num_gpus: gpus.length,
    precision: precisionOf({ experiment, environment }) ?? text(said('precision')),
    batch_limit: whole(said('batch_limit') ?? flag('--max-num-seqs')),
    tensor_parallel: whole(said('tensor_parallel') ?? flag('--tensor-parallel-size', '-tp')),
    host: file.run.host?.hostname ?? null,
    site: text(file.run.host?.['site'] ?? environment['site']),
    started_at: file.run.started_at ? new Date(file.run.started_at).toISOString() : null,
  }
}

function at(raw: Readonly<Record<string, unknown>>, section: string, key: string): unknown {
  const inner = raw[section]
  return inner !== null && typeof inner === 'object'
    ? (inner as Record<string, unknown>)[key]
    : undefined
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
/** Tags and arguments of a command are text. */
function whole(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return Number.isSafeInteger(number) ? (number as number) : null
}
