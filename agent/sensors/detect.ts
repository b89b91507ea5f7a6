import type { Device } from '../../analysis/schema/device.ts'
import { cpuEstimate } from './cpu-estimate.ts'
import { nvml } from './nvml.ts'
import { rapl } from './rapl.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource, Watch } from './sensor.ts'

/** Every kind of source, best first. A new one is a file and a line here. */
const SENSORS: readonly SensorSource[] = [nvml, rapl, cpuEstimate]

/** All that can be measured on this host. */
export interface DetectedSensors {
  readonly devices: readonly Device[]
  readonly sensors: readonly Sensor[]
  readonly missing: readonly Missing[]
  readonly watches: readonly Watch[]
  readonly environment: Readonly<Record<string, unknown>>
  /** GPUs on which a process holds memory; null where nothing tells. */
  devicesOfProcess(pid: number): readonly string[] | null
  close(): void
}

/**
 * Opens the sources of this host. The estimate is opened only where no package counter can be read.
 * @param only names of sources to use; null: all
 */
export async function detectSensors(
  options: SensorOptions,
  only: readonly string[] | null,
): Promise<DetectedSensors> {
  const opened: OpenSource[] = []
  const measuresCpu = () =>
    opened.some((source) => source.sensors.some((s) => s.row.metric === 'cpu_energy_uj'))
  for (const source of SENSORS) {
    if (only !== null && !only.includes(source.name)) continue
    if (source.name === 'cpu_estimate' && measuresCpu()) continue
    opened.push(await source.open(options))
  }
  return {
    devices: opened.flatMap((o) => o.devices),
    sensors: opened.flatMap((o) => o.sensors),
    missing: opened.flatMap((o) => o.missing),
    watches: opened.flatMap((o) => o.watches ?? []),
    environment: Object.assign({}, ...opened.map((o) => o.environment)) as Record<string, unknown>,
    devicesOfProcess(pid) {
      const told = opened.map((o) => o.devicesOfProcess?.(pid) ?? null).filter((t) => t !== null)
      return told.length === 0 ? null : told.flat()
    },
    close() {
      for (const source of opened) source.close()
    },
  }
}
