import { known, type Maybe } from '../../analysis/schema/reason.ts'
import type { NativeFunction } from './native-library.ts'
import { answer, type NvmlHandle } from './nvml-call.ts'
import { NVML } from './nvml-codes.ts'
import { SAMPLE, unionValue } from './nvml-layout.ts'

/** One entry of the driver's own record of power: the mean of the period that ends at the stamp. */
export interface RingSample {
  /** Wall time, µs since 1970. */
  readonly stamp_us: number
  /** null: the driver does not know. */
  readonly power_mw: number | null
}

/** The driver keeps 119 samples; a newer one may keep more. */
const ROOM = 512
const ROOM_MAX = 65_536

/**
 * All samples after a stamp, as the driver gives them: the caller judges their order. Asks again where they
 * did not fit.
 */
export function readRing(
  call: NativeFunction,
  at: NvmlHandle,
  ring: number,
): (lastSeen_us: number) => Maybe<readonly RingSample[]> {
  const type = Buffer.alloc(4)
  const count = Buffer.alloc(4)
  let room = ROOM
  let entries = Buffer.alloc(room * SAMPLE.size)
  const ask = (lastSeen_us: number): number => {
    count.writeUInt32LE(room)
    return call(at.pointer, ring, BigInt(lastSeen_us), type, count, entries)
  }
  const grow = (): boolean => {
    if (room >= ROOM_MAX) return false
    room *= 2
    entries = Buffer.alloc(room * SAMPLE.size)
    return true
  }
  return (lastSeen_us) => {
    let code = ask(lastSeen_us)
    while (
      (code === NVML.insufficient_size || (code === NVML.ok && count.readUInt32LE() >= room)) &&
      grow()
    )
      code = ask(lastSeen_us)
    if (code === NVML.not_found || code === NVML.no_data) return known([])
    return answer(code, () => {
      const valueType = type.readInt32LE()
      return Array.from({ length: Math.min(count.readUInt32LE(), room) }, (_, i) => ({
        stamp_us: Number(entries.readBigUInt64LE(i * SAMPLE.size + SAMPLE.stamp)),
        power_mw: unionValue(entries, i * SAMPLE.size + SAMPLE.value, valueType),
      }))
    })
  }
}
