import { meaningOf } from '../../analysis/estimators/energy-metric.ts'
import {
  inPowerOrder,
  type SourceKind,
  sourceKind,
} from '../../analysis/estimators/source-choice.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'

/** A sensor that a device's live power may come from. */
export interface PowerSource {
  readonly sensor_id: string
  readonly source: string
  /** Readings times this are watts, or joules of a counter. */
  readonly factor: number
  readonly counter: boolean
  /** Where a counter wraps, in its own unit; null: never. */
  readonly range: number | null
}

/** The sources of a device's power among its sensors, the best first: of that one's scope, and measured where it is. */
export function powerSourcesOf(
  { device_id, kind }: { readonly device_id: string; readonly kind?: string | null | undefined },
  sensors: readonly SensorRow[],
): PowerSource[] {
  const known = sensors.flatMap((row): (SourceKind & { readonly row: SensorRow })[] => {
    const found = row.device_id === device_id ? sourceKind(row.metric, row) : undefined
    return found === undefined || NO_LIVE_POWER.includes(row.metric) ? [] : [{ ...found, row }]
  })
  const ordered = inPowerOrder(kind ?? 'gpu', known)
  const [best] = ordered
  const equal = ordered.filter((s) => s.scope === best?.scope && s.measured === best.measured)
  return equal.map(({ row, source, method }) => ({
    sensor_id: row.sensor_id,
    source,
    factor: 1 / (meaningOf(row.metric)?.per_unit ?? 1),
    counter: method === 'counter',
    range: row.range ?? null,
  }))
}

/** Read at the edges of phases alone, of which a watch has none; and what is a part of its device. */
const NO_LIVE_POWER: readonly string[] = ['gpu_energy_mj', 'cpu_core_energy_uj']
