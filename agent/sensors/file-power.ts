import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { readTextLater } from './files.ts'
import { sampleRow } from './reading.ts'
import type { Cadence, Sensor } from './sensor.ts'

/** A number in a small file of /sys; null with the reason where there is none. */
export async function numberIn(path: string): Promise<Maybe> {
  const { text, code } = await readTextLater(path)
  if (text === null) return unknown(reasonOf(code))
  return /^-?\d+$/.test(text) ? known(Number(text)) : unknown('lost')
}

export const reasonOf = (code: string): Reason =>
  code === 'EACCES' || code === 'EPERM' ? 'permission_denied' : 'lost'

/** Two readings in one: null with the first reason where either has none. */
export function combined(a: Maybe, b: Maybe, into: (a: number, b: number) => number): Maybe {
  if (a.value === null) return a
  if (b.value === null) return b
  return known(into(a.value, b.value))
}

/** A sensor whose power in mW is read from files that may be slow, stamped at the middle of the reading. */
export function filePower(
  row: SensorRow,
  cadence: Cadence,
  clock: Clock,
  milliwatts: () => Promise<Maybe>,
): Sensor {
  return {
    row,
    cadence,
    async read() {
      const before = clock.now()
      const reading = await milliwatts()
      return [sampleRow(row, Math.round((before + clock.now()) / 2), reading)]
    },
  }
}
