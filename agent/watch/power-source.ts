import { meaningOf } from '../../analysis/estimators/energy-metric.ts'
import {
  inPowerOrder,
  type SourceKind,
  sourceKind,
} from '../../analysis/estimators/source-choice.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'

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
  { device_id, kind }: { readonly device_id: string; readonly kind?: string | null | undefined },
  sensors: readonly SensorRow[],
): PowerSource | null {
  const known = sensors.flatMap((row): (SourceKind & { readonly row: SensorRow })[] => {
    const found = row.device_id === device_id ? sourceKind(row.metric, row) : undefined
    return found === undefined || NO_LIVE_POWER.includes(row.metric) ? [] : [{ ...found, row }]
  })
  const [best] = inPowerOrder(kind ?? 'gpu', known)
  if (best === undefined) return null
  return {
    sensor_id: best.row.sensor_id,
    source: best.source,
    factor: 1 / (meaningOf(best.row.metric)?.per_unit ?? 1),
    counter: best.method === 'counter',
    range: best.row.range ?? null,
  }
}

/** Read at the edges of phases alone, of which a watch has none; and what is a part of its device. */
const NO_LIVE_POWER: readonly string[] = ['gpu_energy_mj', 'cpu_core_energy_uj']
