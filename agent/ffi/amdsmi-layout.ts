/**
 * Where the fields lie in the structures that AMDSMI fills, in bytes. The library's generation (24, 25, 26) is the first
 * word of its version; what is not told apart here lies at the same place in all three. Checked against the C compiler by
 * the fake library and against koffi by test/agent/ffi.
 * Source: amdsmi.h of ROCm 6.3 (24), 6.4 (25) and 7.0 (26).
 */
export type Generation = 24 | 25 | 26

/** Room for every structure of every generation: the largest has 6016 bytes. */
export const ROOM = 8192

export const VERSION = {
  /** The year up to 25, then the major number. */
  generation: 0,
  24: { major: 4, minor: 8, release: 12 },
  25: { major: 4, minor: 8, release: 12 },
  26: { major: 0, minor: 4, release: 8 },
} as const

/** amdsmi_power_info_t: 68, 40 and 192 bytes. W. */
export const POWER = {
  24: { current: 0, average: 4 },
  25: { current: 8, average: 12 },
  26: { current: 8, average: 12 },
} as const

/** amdsmi_power_cap_info_t, µW. */
export const POWER_CAP = { cap: 0, default_cap: 8 } as const
/** amdsmi_clk_info_t, MHz. */
export const CLOCK_INFO = { clock: 0 } as const
/** amdsmi_engine_usage_t, %. */
export const ACTIVITY = { gfx: 0 } as const
/** amdsmi_vram_usage_t, MiB. */
export const VRAM_USAGE = { total: 0, used: 4 } as const
/** amdsmi_kfd_info_t. */
export const KFD_INFO = { kfd_id: 0, node_id: 8 } as const
/** amdsmi_enumeration_info_t. */
export const ENUMERATION = { hip_id: 12 } as const
/** amdsmi_violation_status_t of generation 26: one byte each, 1 where the device is being held back now. */
export const VIOLATION = {
  active_processor_hot: 120,
  active_package_power: 121,
  active_socket_thermal: 122,
  active_regulator_thermal: 123,
  active_memory_thermal: 124,
} as const

export const UUID_ROOM = 38

/** "Not available" where AMDSMI answers without an error: all ones, of 16 bits even in wider fields. */
const NOT_AVAILABLE: readonly number[] = [0xffff, 0xffff_ffff]

/** A 32-bit count; null where AMDSMI does not know it. */
export function u32(buffer: Buffer, offset: number): number | null {
  const value = buffer.readUInt32LE(offset)
  return NOT_AVAILABLE.includes(value) ? null : value
}

/** A 64-bit count; null where AMDSMI does not know it (all ones) or a number could not hold it exactly. */
export function u64(buffer: Buffer, offset: number): number | null {
  const value = buffer.readBigUInt64LE(offset)
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value)
}

/** A flag of one byte; null where AMDSMI does not know it. */
export function flag(buffer: Buffer, offset: number): boolean | null {
  const value = buffer.readUInt8(offset)
  return value === 0xff ? null : value === 1
}

/** `0000:c1:00.0` of a location packed into 64 bits: function 3, device 5, bus 8, domain 48. */
export function pciName(packed: bigint): string {
  const hex = (value: bigint, digits: number) => value.toString(16).padStart(digits, '0')
  const [func, device, bus, domain] = [
    packed & 0x7n,
    (packed >> 3n) & 0x1fn,
    (packed >> 8n) & 0xffn,
    packed >> 16n,
  ]
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${func}`
}

/** The generation of a version's first word; null of one whose structures are not known here. */
export function generationOf(word: number): Generation | null {
  return word === 24 || word === 25 || word === 26 ? word : null
}
