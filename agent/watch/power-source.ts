import { METRICS } from '../../analysis/schema/metric.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'

/** What tells a device's own power, best first; the parts of a device (its memory, one rail) are devices or lines of their own. */
const BY_METRIC = [
  'gpu_power_mw',
  'gpu_power_uw',
  'gpu_power_w',
  'gpu_energy_uj',
  'npu_energy_uj',
  'cpu_energy_uj',
  'cpu_power_mw',
  'dram_energy_uj',
  'dram_power_mw',
  'module_power_mw',
  'rail_power_mw',
  'platform_energy_uj',
  'node_power_mw',
] as const
/** Of several sources of one metric: means of 20 ms before momentary values before means of a second. */
const BY_SOURCE = ['nvml_power_ring', 'nvml_power_instant', 'nvml_power_average']

const PER_UNIT: Readonly<Record<string, number>> = { mW: 1e-3, uW: 1e-6, W: 1, uJ: 1e-6, mJ: 1e-3 }

/** The one sensor that a device's live power comes from. */
export interface PowerSource {
  readonly sensor_id: string
  readonly source: string
  /** Readings times this are watts, or joules of a counter. */
  readonly factor: number
  readonly counter: boolean
  /** Where a counter wraps, in its own unit; null: never. */
  readonly range: number | null
}

/** The best source of a device among its sensors; null where none tells its power. */
export function powerSourceOf(
  device_id: string,
  sensors: readonly SensorRow[],
): PowerSource | null {
  const rank = (s: SensorRow) => {
    const metric = (BY_METRIC as readonly string[]).indexOf(s.metric)
    const source = BY_SOURCE.indexOf(s.source ?? '')
    return metric * 10 + (source < 0 ? BY_SOURCE.length : source)
  }
  const [best] = sensors
    .filter((s) => s.device_id === device_id && (BY_METRIC as readonly string[]).includes(s.metric))
    .sort((a, b) => rank(a) - rank(b))
  if (best === undefined) return null
  const { unit, kind } = METRICS[best.metric as (typeof BY_METRIC)[number]]
  return {
    sensor_id: best.sensor_id,
    source: best.source ?? best.metric,
    factor: PER_UNIT[unit] ?? 1,
    counter: kind === 'counter',
    range: best.range ?? null,
  }
}
