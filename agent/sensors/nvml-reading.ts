import type { MetricName } from '../../analysis/schema/metric.ts'
import { type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'

/**
 * What the vendor states of NVML's power: 5 %, or 5 W.
 * Source: docs/metrics.md, "Energy", u_sensor_j.
 */
export const POWER_ACCURACY = { gain_rel: 0.05, offset_w: 5, basis: 'vendor' } as const

/** A powered GPU never draws 0 W, nor has it used 0 J: NVML writes 0 where it does not know. */
export function powered(reading: Maybe): Maybe {
  return reading.value !== null && reading.value <= 0 ? unknown('implausible') : reading
}

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

/** One row of the sample stream, of a reading at `t_ns`. */
export function sampleRow(sensor: SensorRow, t_ns: number, reading: Maybe): SampleRow {
  const { device_id, sensor_id, metric } = sensor
  return { t_ns, device_id, sensor_id, metric, value: reading.value, reason: reading.reason }
}
