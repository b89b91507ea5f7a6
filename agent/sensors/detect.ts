import type { Device } from '../../analysis/schema/device.ts'
import { acpi } from './acpi.ts'
import { amdsmi } from './amdsmi.ts'
import { apple } from './apple.ts'
import { battery } from './battery.ts'
import { cpuEstimate } from './cpu-estimate.ts'
import { hwmon } from './hwmon.ts'
import { ipmi } from './ipmi.ts'
import { jetson } from './jetson.ts'
import { nvml } from './nvml.ts'
import { plug } from './plug.ts'
import { rapl } from './rapl.ts'
import { redfish } from './redfish.ts'
import type {
  Found,
  Missing,
  OpenSource,
  Sensor,
  SensorOptions,
  SensorSource,
  Watch,
} from './sensor.ts'
import { zeusd } from './zeusd.ts'

/** Every kind of source, best first. A new one is a file and a line here. */
const SENSORS: readonly SensorSource[] = [
  nvml,
  amdsmi,
  hwmon,
  apple,
  rapl,
  zeusd,
  jetson,
  acpi,
  battery,
  redfish,
  ipmi,
  plug,
  cpuEstimate,
]

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
 * Opens the sources of this host, best first. Each is told what better ones have found, so no device is read twice:
 * package counters are RAPL's, else zeusd's, else an estimate. A kind of device that this host lacks is not told. A
 * source that throws is missing, and takes none of the others with it.
 * @param only names of sources to use; null: all
 */
export async function detectSensors(
  options: SensorOptions,
  only: readonly string[] | null,
  sources: readonly SensorSource[] = SENSORS,
): Promise<DetectedSensors> {
  const opened: OpenSource[] = []
  for (const source of sources) {
    if (only !== null && !only.includes(source.name)) continue
    const found = foundBy(opened)
    opened.push(await source.open(options, found).catch((error) => failed(source.name, error)))
  }
  return {
    devices: foundBy(opened).devices,
    sensors: opened.flatMap((o) => o.sensors),
    missing: opened.flatMap((o) => o.missing).filter(isTold),
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

function failed(source: string, error: unknown): OpenSource {
  const why = error instanceof Error ? error.message : String(error)
  const fix = `Opening ${source} failed (${why}). This is a fault of llem-agent: please report it with this sentence; sensors.only can leave the source out.`
  return {
    ...{ source, devices: [], sensors: [], environment: {}, close: () => {} },
    missing: [{ source, device_id: null, reason: 'source_failed', fix }],
  }
}

/** That a host lacks what only some hosts have is no news. */
const isTold = ({ source, device_id, reason }: Missing): boolean =>
  source === 'nvml' || device_id !== null || reason !== 'no_device'

/** Several meters may measure one device, which is then one. */
function foundBy(opened: readonly OpenSource[]): Found {
  const devices = opened.flatMap((o) => o.devices)
  return {
    devices: [...new Map(devices.map((d) => [d.device_id, d])).values()],
    rows: opened.flatMap((o) => o.sensors.map((s) => s.row)),
  }
}
