import type { Reason } from '../../analysis/schema/reason.ts'

/** NVML return codes that the code tells apart (nvmlReturn_t). */
export const NVML = {
  ok: 0,
  not_found: 6,
  insufficient_size: 7,
  function_not_found: 13,
  no_data: 21,
  unknown: 999,
} as const

/** Why there is no reading, by return code. Codes that are not here have no reading for a reason of their own. */
const REASON_OF_CODE: Readonly<Record<number, Reason>> = {
  1: 'no_driver', // UNINITIALIZED
  2: 'unsupported', // INVALID_ARGUMENT: a field, scope or type that this device does not know
  3: 'unsupported', // NOT_SUPPORTED
  4: 'permission_denied', // NO_PERMISSION
  9: 'no_driver', // DRIVER_NOT_LOADED
  12: 'no_driver', // LIBRARY_NOT_FOUND
  13: 'unsupported', // FUNCTION_NOT_FOUND
  15: 'lost', // GPU_IS_LOST
  16: 'lost', // RESET_REQUIRED
  18: 'no_driver', // LIB_RM_VERSION_MISMATCH
  25: 'unsupported', // ARGUMENT_VERSION_MISMATCH
  28: 'lost', // GPU_NOT_FOUND
}

/** The reason that a return code other than 0 stands for. */
export function reasonOfCode(code: number): Reason {
  return REASON_OF_CODE[code] ?? 'not_recorded'
}
