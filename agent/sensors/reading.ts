import { type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'

/** A powered GPU never draws 0 W, nor has it used 0 J: drivers write 0 where they do not know. */
export function powered(reading: Maybe): Maybe {
  return reading.value !== null && reading.value <= 0 ? unknown('implausible') : reading
}

/** One row of the sample stream, of a reading at `t_ns`. */
export function sampleRow(sensor: SensorRow, t_ns: number, reading: Maybe): SampleRow {
  const { device_id, sensor_id, metric } = sensor
  return { t_ns, device_id, sensor_id, metric, value: reading.value, reason: reading.reason }
}

/** A source that was tried and gave nothing. */
export interface Refused {
  readonly source: string
  readonly reason: Reason
}
