import type { Maybe, Reason } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/**
 * A gauge of a driver, read once to begin with: the first call of a kind is slow, and what is refused then is no sensor.
 * @param read one reading, judged: null with its reason where it can't be had
 */
export function openGauge(
  row: SensorRow,
  clock: Clock,
  read: () => Maybe,
): { sensor: Sensor } | { sensor: null; reason: Reason } {
  const first = read()
  if (first.value === null) return { sensor: null, reason: first.reason }
  return {
    sensor: {
      row,
      cadence: 'gauge',
      read() {
        const reading = read()
        return [sampleRow(row, clock.now(), reading)]
      },
    },
  }
}
