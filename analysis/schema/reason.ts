import { z } from 'zod'

/**
 * Why a value is null: one closed list, from the sensor to the page, each with the words for a reader.
 * A null operand passes its reason on.
 */
export const REASONS = {
  not_recorded: 'the run holds no reading of it',
  unsupported: 'the device or engine does not offer it',
  permission_denied: 'the system refused the reading to this user',
  no_window: 'there is no measured window',
  no_requests: 'no request ended in the window',
  no_output_tokens: 'no output token arrived in the window',
  single_token: 'it needs at least two output tokens',
  not_streamed: 'the answer came in one piece, so single tokens have no times',
  failures_dominate: 'so many requests failed that this percentile of all of them has no bound',
  n_too_small: 'too few values for this statistic',
  zero_denominator: 'the divisor is zero',
  counter_reset: 'the counter fell back within the window',
  outside_window: 'it lies outside the counted window, wholly or in part',
  uncovered: 'no source covers the window',
  window_not_bracketed: 'no reading lies on both sides of a window edge',
  no_device: 'the run used no such device',
  remote_engine: 'the engine runs on a host where nothing was measured',
  estimate_only: 'there is only an estimate, which is never counted in totals',
  not_identifiable: 'the data do not tell the parts apart',
  mixed_definition: 'the parts were not counted in the same way',
  source_failed: 'opening the source failed in a way that was not foreseen',
  no_library: 'the vendor library is not installed',
  no_driver: 'the driver is not loaded or does not fit the library',
  masked_in_container: 'the container hides it',
  lost: 'the device stopped answering',
  stale: 'the reading is too old',
  too_short: 'the window is shorter than the source can resolve',
  gap: 'readings are missing in between',
  implausible:
    'the reading is outside what the device can do, or the count outside what a response can have',
  on_mains: 'the node ran on mains, so its battery tells nothing of it',
  unconnected: 'votes do not join all that is to be compared, not even through others',
  ambiguous_mapping: 'it is not certain which device it belongs to',
} as const

export type Reason = keyof typeof REASONS
export const reasonSchema = z.enum(Object.keys(REASONS) as [Reason, ...Reason[]])

/** A number, or null with the reason why there is none. Never zero for "unknown". */
export type Maybe<T = number> = { value: T; reason: null } | { value: null; reason: Reason }

export const known = <T>(value: T): Maybe<T> => ({ value, reason: null })
export const unknown = (reason: Reason): { value: null; reason: Reason } => ({
  value: null,
  reason,
})
