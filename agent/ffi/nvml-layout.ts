/**
 * Where the fields lie in the structures that NVML fills, in bytes. Checked against the C compiler by the fake
 * driver and against koffi by test/agent/ffi.
 * Source: nvml.h, NVML 12.2 and, of the workload power profiles, 13.
 */
export const FIELD_VALUE = {
  size: 40,
  field: 0,
  scope: 4,
  type: 24,
  code: 28,
  value: 32,
} as const
export const SAMPLE = { size: 16, stamp: 0, value: 8 } as const
export const MEMORY = { size: 24, total: 0, free: 8, used: 16 } as const
export const MEMORY_V2 = {
  size: 40,
  version: 0,
  total: 8,
  reserved: 16,
  free: 24,
  used: 32,
} as const
export const PROCESS_INFO = {
  size: 24,
  pid: 0,
  memory: 8,
  gpu_instance: 16,
  compute_instance: 20,
} as const
export const UTILISATION = { size: 8, gpu: 0 } as const
export const TEMPERATURE = { size: 12, version: 0, sensor: 4, value: 8 } as const
export const PCI_INFO = { size: 68, bus_id: 36, bus_id_size: 32 } as const
export const VIOLATION = { size: 16, reference: 0, violation: 8 } as const
export const ATTRIBUTES = {
  size: 40,
  multiprocessors: 0,
  gpu_slices: 24,
  compute_slices: 28,
  memory_mib: 32,
} as const
/** nvmlWorkloadPowerProfileCurrentProfiles_v1_t: three masks of 255 bits. */
export const PROFILES = {
  size: 100,
  version: 0,
  supported: 4,
  requested: 36,
  enforced: 68,
  mask_size: 32,
} as const

/** A structure's version word: its size and, in the top byte, its number. */
export const MEMORY_V2_VERSION = 0x02000028
export const TEMPERATURE_V1_VERSION = 0x0100000c
export const PROFILES_V1_VERSION = 0x01000064

/** "Unknown" where NVML answers without an error: all ones. */
const U32_UNKNOWN = 0xffff_ffff
const U64_UNKNOWN = 0xffff_ffff_ffff_ffffn

/** A 32-bit count; null where NVML does not know it. */
export function u32(buffer: Buffer, offset: number): number | null {
  const value = buffer.readUInt32LE(offset)
  return value === U32_UNKNOWN ? null : value
}

/** A 64-bit count; null where NVML does not know it or a number could not hold it exactly. */
export function u64(buffer: Buffer, offset: number): number | null {
  const value = buffer.readBigUInt64LE(offset)
  return value === U64_UNKNOWN || value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value)
}

/** The union of a sample or field value, by nvmlValueType_t. */
export function unionValue(buffer: Buffer, offset: number, type: number): number | null {
  switch (type) {
    case 0: {
      const value = buffer.readDoubleLE(offset)
      return Number.isFinite(value) ? value : null
    }
    case 1:
      return u32(buffer, offset)
    case 2: // unsigned long: 4 bytes on Windows
      return process.platform === 'win32' ? u32(buffer, offset) : u64(buffer, offset)
    case 3:
      return u64(buffer, offset)
    case 4:
      return Number(buffer.readBigInt64LE(offset))
    case 5:
      return buffer.readInt32LE(offset)
    case 6:
      return buffer.readUInt16LE(offset)
    default:
      return null
  }
}
