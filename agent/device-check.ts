import { statSync } from 'node:fs'
import { z } from 'zod'
import type { Device } from '../analysis/schema/device.ts'
import type { Experiment } from '../analysis/schema/experiment.ts'
import { ConfigError } from '../analysis/schema/study.ts'
import { engineEnvironment } from './engine-environment.ts'
import { visibleDevices } from './sensors/visible-devices.ts'
import { configuredDevices } from './used-devices.ts'

/** What the NVML part of the environment tells of processes and memory, as it was when the sensors were opened. */
const nvmlSchema = z.looseObject({
  nvml: z.looseObject({
    devices: z.record(
      z.string(),
      z.looseObject({ memory: z.looseObject({ free_bytes: z.number().nullable() }) }),
    ),
    processes: z.looseObject({
      mappable: z.boolean(),
      devices: z.record(
        z.string(),
        z
          .array(
            z.looseObject({
              pid: z.int(),
              name: z.string().nullable(),
              ancestors: z.array(z.int()),
              memory_bytes: z.number().nullable(),
            }),
          )
          .nullable(),
      ),
    }),
  }),
})
type NvmlState = z.infer<typeof nvmlSchema>['nvml']

const GIB = 2 ** 30

/**
 * Looks at the GPUs of a run before anything is loaded: that those which are configured exist, that the variables name
 * some, that nothing else holds them, that the model fits. An attached engine holds its GPUs already, so it is not
 * judged by that.
 * @returns sentences to warn with
 * @throws ConfigError for devices that are not here, and for variables that the vendor's runtime refuses
 */
export function checkDevices(
  experiment: Experiment,
  devices: readonly Device[],
  environment: Readonly<Record<string, unknown>>,
  ownPid: number = process.pid,
): readonly string[] {
  const { engine } = experiment
  const attached = engine.name === 'openai' && engine.launcher === 'attach'
  const seen = visibleDevices(engineEnvironment(experiment, null), devices)
  const wanted = experiment.devices === null ? null : configuredDevices(experiment.devices, devices)
  if (attached) return []
  if (seen.problem !== null) throw new ConfigError([{ path: 'environment', message: seen.problem }])
  const ids = (wanted ?? seen.device_ids).filter((id) => isGpu(devices, id))
  const hidden = (wanted ?? []).filter(
    (id) => isGpu(devices, id) && seen.reason === null && !seen.device_ids.includes(id),
  )
  const state = nvmlSchema.safeParse(environment).data?.nvml ?? null
  return [
    ...seen.notes,
    ...hidden.map(
      (id) =>
        `devices names ${id}, which the engine can't see by its variables (${seen.device_ids.join(', ') || 'it sees no GPU'}); its joules would be counted without work.`,
    ),
    ...(state === null ? [] : holders(ids, devices, state, ownPid)),
    ...(state === null ? [] : memory(experiment, ids, state)),
  ]
}

const isGpu = (devices: readonly Device[], id: string): boolean =>
  devices.some((d) => d.device_id === id && (d.kind === 'gpu' || d.kind === 'gpu_instance'))

/** Processes that are none of ours. Where their numbers are not those of this system nothing can be said. */
function holders(
  ids: readonly string[],
  devices: readonly Device[],
  { processes }: NvmlState,
  ownPid: number,
): string[] {
  if (!processes.mappable) return []
  const whole = (id: string) => devices.find((d) => d.device_id === id)?.parent_device_id ?? id
  return [...new Set(ids.map(whole))].flatMap((id) =>
    (processes.devices[id] ?? [])
      .filter((p) => p.pid !== ownPid && !p.ancestors.includes(ownPid))
      .map(
        ({ pid, name, memory_bytes }) =>
          `${id} is in use by process ${pid} (${name ?? 'unknown'}${memory_bytes === null ? '' : `, ${(memory_bytes / GIB).toFixed(1)} GiB`}), whose joules would count as this run's. Stop it, or choose another GPU by devices:.`,
      ),
  )
}

/** Known only of a file that is named, for an engine that is told to use a GPU. */
function memory({ engine, model }: Experiment, ids: readonly string[], state: NvmlState): string[] {
  if (engine.name !== 'embedded' || engine.gpu === 'auto' || engine.gpu === 'none') return []
  const free = ids.map((id) => state.devices[id]?.memory.free_bytes ?? null)
  if (model.path === null || free.length === 0 || free.includes(null)) return []
  const bytes = statSync(model.path, { throwIfNoEntry: false })?.size ?? 0
  const room = free.reduce<number>((sum, f) => sum + (f ?? 0), 0)
  if (bytes <= room) return []
  return [
    `${model.path} takes ${(bytes / GIB).toFixed(1)} GiB, and ${ids.join(', ')} ${ids.length === 1 ? 'has' : 'have'} ${(room / GIB).toFixed(1)} GiB free: some of its layers will be computed by the CPU.`,
  ]
}
