import type { Reason } from '../../analysis/schema/reason.ts'

/** NVML return codes that the code tells apart (nvmlReturn_t). */
export const NVML = {
  ok: 0,
  invalid_argument: 2,
  not_supported: 3,
  not_found: 6,
  insufficient_size: 7,
  function_not_found: 13,
  no_data: 21,
  unknown: 999,
} as const

/**
 * Every return code by its name in nvml.h without NVML_ERROR_, and why there is then no reading. What says nothing
 * of the reading itself (out of memory, a time-out) is `not_recorded`: the next try may give one.
 * Source: nvml.h, NVML 13.
 */
const CODES: Readonly<Record<number, readonly [name: string, reason: Reason]>> = {
  1: ['UNINITIALIZED', 'no_driver'],
  2: ['INVALID_ARGUMENT', 'unsupported'], // a field, scope or type that this device does not know
  3: ['NOT_SUPPORTED', 'unsupported'],
  4: ['NO_PERMISSION', 'permission_denied'],
  5: ['ALREADY_INITIALIZED', 'not_recorded'],
  6: ['NOT_FOUND', 'not_recorded'],
  7: ['INSUFFICIENT_SIZE', 'not_recorded'],
  8: ['INSUFFICIENT_POWER', 'lost'], // a power cable is missing: the GPU does not start
  9: ['DRIVER_NOT_LOADED', 'no_driver'],
  10: ['TIMEOUT', 'not_recorded'],
  11: ['IRQ_ISSUE', 'lost'],
  12: ['LIBRARY_NOT_FOUND', 'no_driver'],
  13: ['FUNCTION_NOT_FOUND', 'unsupported'],
  14: ['CORRUPTED_INFOROM', 'unsupported'],
  15: ['GPU_IS_LOST', 'lost'],
  16: ['RESET_REQUIRED', 'lost'],
  17: ['OPERATING_SYSTEM', 'masked_in_container'], // the device file is blocked by the control group
  18: ['LIB_RM_VERSION_MISMATCH', 'no_driver'],
  19: ['IN_USE', 'not_recorded'],
  20: ['MEMORY', 'not_recorded'],
  21: ['NO_DATA', 'not_recorded'],
  22: ['VGPU_ECC_NOT_SUPPORTED', 'unsupported'],
  23: ['INSUFFICIENT_RESOURCES', 'not_recorded'],
  24: ['FREQ_NOT_SUPPORTED', 'unsupported'],
  25: ['ARGUMENT_VERSION_MISMATCH', 'unsupported'],
  26: ['DEPRECATED', 'unsupported'],
  27: ['NOT_READY', 'not_recorded'],
  28: ['GPU_NOT_FOUND', 'lost'],
  29: ['INVALID_STATE', 'not_recorded'],
  30: ['RESET_TYPE_NOT_SUPPORTED', 'unsupported'],
  999: ['UNKNOWN', 'not_recorded'],
}

/** The reason that a return code other than 0 stands for. */
export function reasonOfCode(code: number): Reason {
  return CODES[code]?.[1] ?? 'not_recorded'
}

/** A return code in words: `GPU_IS_LOST (15)`. */
export function nameOfCode(code: number): string {
  const name = CODES[code]?.[0]
  return name === undefined ? String(code) : `${name} (${code})`
}
