import { known, type Maybe, unknown } from '../../analysis/schema/reason.ts'
import { text } from './c-text.ts'
import type { NativeLibrary } from './native-library.ts'
import { NVML, reasonOfCode } from './nvml-codes.ts'
import { u32, u64 } from './nvml-layout.ts'

/** A device as the driver knows it. The pointer changes when a lost device comes back. */
export interface NvmlHandle {
  pointer: bigint
}

/** Reads one value of one device. Reuses its buffer. */
export type Reader<T = number> = () => Maybe<T>

/** A setting that a restart of the device may change. */
export interface Mode {
  readonly now: boolean
  /** From the next reset on. */
  readonly next: boolean
}

/** How C functions are declared here: a device handle, and where the answer is written. */
export const DEVICE = 'void *'
export const OUT = 'void *'

/** The value after a call that answered `code`; a value that the driver itself does not know is unsupported. */
export function answer<T>(code: number, value: () => T | null): Maybe<T> {
  if (code !== NVML.ok) return unknown(reasonOfCode(code))
  const result = value()
  return result === null ? unknown('unsupported') : known(result)
}

/** The newer call, and for good the older one once the driver turned out not to know the newer. */
export function either<T>(newer: Reader<T>, older: Reader<T>): Reader<T> {
  let reader = newer
  return () => {
    const result = reader()
    if (reader === older || result.reason !== 'unsupported') return result
    const fallback = older()
    if (fallback.value !== null) reader = older
    return fallback
  }
}

/** The usual forms of NVML's functions. */
export interface Calls {
  readonly bind: NativeLibrary['bind']
  /** f(device, unsigned *) */
  read32(name: string, at: NvmlHandle): Reader
  /** f(device, unsigned long long *) */
  read64(name: string, at: NvmlHandle): Reader
  /** f(device, int, unsigned *) */
  read32Of(name: string, at: NvmlHandle, which: number): Reader
  /** f(device, unsigned *, unsigned *) */
  pair(name: string, at: NvmlHandle): Maybe<readonly [number, number]>
  /** f(device, char *, unsigned length) */
  textOf(name: string, at: NvmlHandle): Maybe<string>
}

export function callsOf({ bind }: NativeLibrary): Calls {
  return {
    bind,
    read32(name, at) {
      const call = bind(name, [DEVICE, OUT])
      const out = Buffer.alloc(4)
      return () => answer(call(at.pointer, out), () => u32(out, 0))
    },
    read64(name, at) {
      const call = bind(name, [DEVICE, OUT])
      const out = Buffer.alloc(8)
      return () => answer(call(at.pointer, out), () => u64(out, 0))
    },
    read32Of(name, at, which) {
      const call = bind(name, [DEVICE, 'int', OUT])
      const out = Buffer.alloc(4)
      return () => answer(call(at.pointer, which, out), () => u32(out, 0))
    },
    pair(name, at) {
      const [first, second] = [Buffer.alloc(4), Buffer.alloc(4)]
      const code = bind(name, [DEVICE, OUT, OUT])(at.pointer, first, second)
      return answer(code, () => {
        const [a, b] = [u32(first, 0), u32(second, 0)]
        return a === null || b === null ? null : ([a, b] as const)
      })
    },
    textOf(name, at) {
      const out = Buffer.alloc(96)
      const code = bind(name, [DEVICE, OUT, 'uint32_t'])(at.pointer, out, out.length)
      return answer(code, () => text(out))
    },
  }
}
