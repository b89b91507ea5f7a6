import type { Device } from '../analysis/schema/device.ts'
import type { Experiment } from '../analysis/schema/experiment.ts'
import type { Reason } from '../analysis/schema/reason.ts'
import { ConfigError } from '../analysis/schema/study.ts'
import type { RunningEngine } from './engines/engine.ts'
import { childrenOf } from './process-tree.ts'
import { visibleDevices } from './sensors/visible-devices.ts'
import type { Environment } from './sensors/visible-list.ts'

const isCpu = (d: Device) => d.kind === 'cpu_package' || d.kind === 'dram' || d.kind === 'soc'

/** Which devices are used, and how that is known: goes into the record as an event. */
export interface UsedDevices {
  readonly device_ids: readonly string[]
  readonly by: 'configuration' | 'memory_held' | 'visible' | 'cpu' | 'remote'
  /** `ambiguous_mapping`: the visible GPUs are not certain, so all are taken. */
  readonly reason: Reason | null
  /** Sentences for the user. */
  readonly notes: readonly string[]
}

/**
 * The devices on which the engine computes: what the configuration says, else the GPUs on which its processes
 * hold memory, else all that it may see, else the CPU; none of an engine on another host.
 * @param env the engine's environment
 */
export async function usedDevices(
  experiment: Experiment,
  devices: readonly Device[],
  engine: RunningEngine,
  devicesOfProcess: (pid: number) => Promise<readonly string[] | null>,
  env: Environment,
): Promise<UsedDevices> {
  if (experiment.devices !== null) return configured(experiment.devices, devices)
  if (!engine.local) return { device_ids: [], by: 'remote', ...CERTAIN }
  if (engine.computes_on === 'cpu') return onCpu(devices)
  if (engine.pid !== null) {
    const told = await Promise.all([engine.pid, ...childrenOf(engine.pid)].map(devicesOfProcess))
    const held = new Set(told.flatMap((ids) => ids ?? []))
    const device_ids = devices.map((d) => d.device_id).filter((id) => held.has(id))
    if (device_ids.length > 0) return { device_ids, by: 'memory_held', ...CERTAIN }
  }
  return seenBy(env, devices)
}

/**
 * The devices on which a program may compute that we did not start as an engine: what the configuration says, else all
 * visible GPUs, else the CPU.
 * @throws ConfigError naming what is configured and not here
 */
export function devicesHere(
  wanted: readonly (string | number)[] | null,
  devices: readonly Device[],
  env: Environment = process.env,
): UsedDevices {
  return wanted === null ? seenBy(env, devices) : configured(wanted, devices)
}

const CERTAIN = { reason: null, notes: [] } as const

const configured = (
  wanted: readonly (string | number)[],
  devices: readonly Device[],
): UsedDevices => ({
  device_ids: configuredDevices(wanted, devices),
  by: 'configuration',
  ...CERTAIN,
})

const onCpu = (devices: readonly Device[]): UsedDevices => ({
  device_ids: devices.filter(isCpu).map((d) => d.device_id),
  by: 'cpu',
  ...CERTAIN,
})

/** The visible GPUs; where it is not certain which they are, all of them, and that is told. */
function seenBy(env: Environment, devices: readonly Device[]): UsedDevices {
  const gpus = devices.filter((d) => d.kind === 'gpu').map((d) => d.device_id)
  if (gpus.length === 0) return onCpu(devices)
  const { device_ids, reason, problem, notes } = visibleDevices(env, devices)
  if (reason !== null)
    return { device_ids: gpus, by: 'visible', reason, notes: [...notes, ALL_COUNTED] }
  if (device_ids.length === 0)
    return { ...onCpu(devices), notes: problem === null ? notes : [problem, ...notes] }
  return { device_ids, by: 'visible', reason, notes }
}

const ALL_COUNTED = 'It is not certain which GPUs the engine uses, so all of them are counted.'

/**
 * The configuration's `devices`, by UUID, unique prefix of one, index or `cpu`.
 * @throws ConfigError naming what is not here and what is
 */
export function configuredDevices(
  wanted: readonly (string | number)[],
  devices: readonly Device[],
): string[] {
  return [
    ...new Set(
      wanted.flatMap((name, i) => {
        if (name === 'cpu') return devices.filter(isCpu).map((d) => d.device_id)
        const index = typeof name === 'number' ? name : /^\d+$/.test(name) ? Number(name) : null
        const found = devices.filter((d) =>
          index !== null
            ? d.kind === 'gpu' && d.index === index
            : d.device_id === name || d.device_id.startsWith(String(name)),
        )
        if (found.length === 1) return [(found[0] as Device).device_id]
        const here = devices.map((d) => d.device_id).join(', ') || 'none'
        throw new ConfigError([
          {
            path: `devices.${i}`,
            message: `is ${JSON.stringify(name)}, which names ${found.length === 0 ? 'no device' : `${found.length} devices`} of this host; it has ${here}`,
          },
        ])
      }),
    ),
  ]
}
