import { precisionOf } from '../../analysis/definition.ts'
import { engineFlags } from '../../analysis/engine-command.ts'
import { readExperiment, resolvedExperiment } from '../../analysis/readings/run-data.ts'
import { usedDeviceIds } from '../../analysis/readings/used-devices.ts'
import { type FactSource, READ_COLUMNS, readFact } from '../../analysis/schema/fact.ts'
import { experimentKey } from '../../analysis/schema/key.ts'
import type { RunFile } from '../../analysis/schema/run.ts'
import type { RunFacts } from './tables.ts'

/** What the facts of a run are read from. */
export function factSource(
  file: RunFile,
): FactSource & { readonly resolved: Readonly<Record<string, unknown>> } {
  const raw = file.run.experiment
  const resolved = resolvedExperiment(raw)
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
  const flags = engineFlags({ experiment })
  return {
    resolved,
    study_id: file.run.study_id ?? null,
    experiment_key: experimentKey(resolved),
    name: experiment.name,
    model: experiment.model,
    engine: experiment.engine,
    precision: precisionOf({ experiment, environment }),
    configuration: raw,
    environment,
    host: file.run.host ?? {},
    started_at: file.run.started_at ? new Date(file.run.started_at).toISOString() : null,
    gpu_models: [...new Set(gpus.flatMap((d) => d.model ?? []))].sort(),
    num_gpus: gpus.length,
    stated: (key) =>
      at(raw, 'engine', key) ??
      at(raw, 'model', key) ??
      raw[key] ??
      environment[key] ??
      at(environment, 'engine', key) ??
      at(raw, 'tags', key) ??
      null,
    flag: (...names) => names.map((n) => flags.get(n)).find((v) => v != null) ?? null,
  }
}

/** The columns of a run that are read from its run.json. What it does not state is null. */
export function runFacts(file: RunFile): RunFacts {
  const source = factSource(file)
  return Object.fromEntries(
    READ_COLUMNS.map((name) => [name, readFact(name, source)]),
  ) as unknown as RunFacts
}

function at(raw: Readonly<Record<string, unknown>>, section: string, key: string): unknown {
  const inner = raw[section]
  return inner !== null && typeof inner === 'object'
    ? (inner as Record<string, unknown>)[key]
    : undefined
}
