import type { MetricName } from '../../analysis/schema/metric.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'

/**
 * What the vendor states of NVML's power: 5 %, or 5 W.
 * Source: docs/metrics.md, "Energy", u_sensor_j.
 */
export const POWER_ACCURACY = { gain_rel: 0.05, offset_w: 5, basis: 'vendor' } as const

/** A sensor's row of run.json. */
export function sensorRow(
  device_id: string,
  metric: MetricName,
  source: SensorRow['source'],
  more: Partial<SensorRow> = {},
): SensorRow {
  const name = source === 'nvml' ? `nvml:${metric}` : source
  return { sensor_id: `${device_id}:${name}`, device_id, metric, source, ...more }
}
