import type { Device } from '../analysis/schema/device.ts'
import type { Experiment } from '../analysis/schema/experiment.ts'
import { ConfigError } from '../analysis/schema/study.ts'
import type { RunningEngine } from './engines/engine.ts'
import { childrenOf } from './process-tree.ts'

const isCpu = (d: Device) => d.kind === 'cpu_package' || d.kind === 'dram'

/**
 * The devices on which the engine computes: what the configuration says, else the GPUs on which its processes
 * hold memory, else all visible GPUs, else the CPU; none of an engine on another host.
 */
export async function usedDevices(
  experiment: Experiment,
  devices: readonly Device[],
  engine: RunningEngine,
  devicesOfProcess: (pid: number) => Promise<readonly string[] | null>,
): Promise<string[]> {
  if (experiment.devices !== null) return configuredDevices(experiment.devices, devices)
  if (!engine.local) return []
  const gpus = devices.filter((d) => d.kind === 'gpu').map((d) => d.device_id)
  const cpu = devices.filter(isCpu).map((d) => d.device_id)
  if (engine.computes_on === 'cpu') return cpu
  if (engine.pid !== null) {
    const told = await Promise.all([engine.pid, ...childrenOf(engine.pid)].map(devicesOfProcess))
    const held = new Set(told.flatMap((ids) => ids ?? []))
    if (held.size > 0) return gpus.filter((id) => held.has(id))
  }
  return gpus.length > 0 ? gpus : cpu
}

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
