import type { Reason } from '../../analysis/schema/reason.ts'

/** AMDSMI status codes that the code tells apart (amdsmi_status_t). */
export const AMDSMI = {
  ok: 0,
  not_supported: 2,
  api_failed: 7,
} as const

/** Answers of a device that is just being used otherwise: asked again at once, it mostly answers. */
const PASSING: readonly number[] = [
  9, // RETRY
  11, // INTERRUPT
  30, // BUSY
]
export const isPassing = (code: number): boolean => PASSING.includes(code)

/** Why there is no reading, by status. Codes that are not here have no reading for a reason of their own. */
const REASON_OF_CODE: Readonly<Record<number, Reason>> = {
  1: 'unsupported', // INVAL: a sensor or clock that this device does not know
  2: 'unsupported', // NOT_SUPPORTED
  3: 'unsupported', // NOT_YET_IMPLEMENTED
  4: 'no_library', // FAIL_LOAD_MODULE
  5: 'no_library', // FAIL_LOAD_SYMBOL
  6: 'no_driver', // DRM_ERROR
  10: 'permission_denied', // NO_PERM
  18: 'no_driver', // INIT_ERROR
  31: 'lost', // NOT_FOUND
  34: 'no_driver', // DRIVER_NOT_LOADED
  40: 'not_recorded', // NO_DATA
  52: 'unsupported', // FILE_NOT_FOUND: the kernel has no such file for this device
  55: 'unsupported', // SETTING_UNAVAILABLE
}

/** The reason that a status other than 0 stands for. */
export function reasonOfStatus(code: number): Reason {
  return REASON_OF_CODE[code] ?? 'not_recorded'
}
