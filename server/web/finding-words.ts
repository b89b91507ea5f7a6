import { REQUEST_THRESHOLDS as R } from '../../analysis/findings/request-thresholds.ts'
import type { FindingCode, Severity } from '../../analysis/schema/finding.ts'
import { THRESHOLDS as T } from '../../analysis/thresholds.ts'

export interface FindingWords {
  /** Every severity that the code is given with; empty: a code that no rule of this version gives. */
  readonly severity: readonly Severity[]
  readonly words: string
}

const says = (severity: Severity | readonly Severity[], words: string): FindingWords => ({
  severity: typeof severity === 'string' ? [severity] : severity,
  words,
})
const pct = (share: number): string => `${Number((100 * share).toPrecision(4))} %`

/** What each finding means and from where on it is given; limits come from the tables that the rules use. */
export const FINDING_WORDS: Record<FindingCode, FindingWords> = {
  thermal_throttle: says(
    'invalid',
    `the device was slowed down by heat at any time within the window, by its clock event bits or, for ${T.throttle_counted_s} s or more, by the driver's own count`,
  ),
  power_brake: says('invalid', 'the external power brake slowed the device down within the window'),
  sw_power_cap: says(
    ['caution', 'info'],
    `the device ran at its power limit; counted only with power within ${pct(T.power_cap_near_share)} of the enforced limit. Caution over ${pct(T.power_cap_caution_share)} of the window where no limit was configured`,
  ),
  clock_drift: says(
    'caution',
    `the slowdown bit is set, or the SM clock of the window's halves differs by over ${pct(T.clock_drift_share)}`,
  ),
  thermal_drift: says(
    'caution',
    `the device's temperature changed by over ${T.thermal_drift_c} °C within the window`,
  ),
  thermal_not_settled: says(
    'caution',
    'the GPUs had not settled to the configured temperature or slope when the run began',
  ),
  persistence_off: says(
    'caution',
    'the NVIDIA driver unloads between programs, so idle power is not steady',
  ),
  insufficient_samples: says(
    ['invalid', 'caution'],
    `fewer than ${T.samples_caution} power samples in the window; fewer than ${T.samples_invalid}: invalid`,
  ),
  window_not_bracketed: says(
    'invalid',
    'no reading lies on both sides of a window edge, and nothing is extrapolated',
  ),
  readings_failed: says(
    ['caution', 'info'],
    'readings of a source that answers at other times failed within the window; caution where the device was lost, so that what it drew meanwhile is bridged and in no range. Info also of a source that was refused or read what cannot be when the run began, and of a meter that did not answer',
  ),
  source_changed: says(
    'info',
    'the best source of power was read over a part of the window only, and the next took its place, with its own uncertainty; the time between two sources is bridged, and priced',
  ),
  sampling_gap_exceeded: says(
    'invalid',
    `readings are missing for over ${T.bridge_s} s within the window`,
  ),
  uncovered_window: says('invalid', 'no source of energy covers the window'),
  short_measurement: says('caution', `the window is shorter than ${T.short_measurement_s} s`),
  short_steady_state: says(
    ['caution', 'info'],
    `the steady window is shorter than ${R.short_steady_info_s} s; shorter than ${R.short_steady_caution_s} s: caution`,
  ),
  no_steady_window: says(
    'caution',
    'rule auto found no steady span and counts the whole run, with its ramps',
  ),
  no_window: says('invalid', 'no window by the configured rule, so nothing can be counted'),
  window_too_short: says(
    'invalid',
    `the energy's repeatable expanded uncertainty is over ${pct(T.window_too_short_share)} of it, or the only counter holds fewer than ${T.counter_min_refreshes} refreshes`,
  ),
  estimate_only: says(
    'caution',
    'the compute energy is a host estimate: shown, never ranked or added up',
  ),
  prefill_unbalanced: says(
    ['invalid', 'caution'],
    `prefills per output token of window and run differ by over ${pct(R.balance_caution)}; over ${pct(R.balance_invalid)}: invalid`,
  ),
  censored_requests: says(
    'caution',
    'the load stopped with requests in flight; the long ones are missing',
  ),
  limit_changed: says(
    ['invalid', 'caution'],
    'a power limit, application clock, workload power profile, or the MIG, ECC or smoothing mode of the device changed before or within the window; caution of persistence and compute mode',
  ),
  power_smoothing: says(
    'info',
    'the device smooths its power by floors and slow ramps: idle power is not subtracted, and the burst form is not used',
  ),
  synthetic_weights: says(
    'caution',
    'the weights are random or dummies, which may draw other power than trained ones',
  ),
  scope_excludes_offload: says(
    'caution',
    "caches, weights or experts leave the GPUs, by the engine's command or by workers of one phase each, and compute energy is that of the GPUs alone",
  ),
  low_batch_utilisation: says(
    'caution',
    `in the saturated window the engine ran under ${pct(R.batch_utilisation)} of the requests in flight, by its own gauge or steps`,
  ),
  cascade_unstable: says([], 'batches of unequal size followed one another'),
  clock_step: says(
    'info',
    `the wall clock stepped by over ${T.clock_step_s * 1000} ms during the run; durations are monotonic and unharmed`,
  ),
  host_suspended: says(
    ['invalid', 'caution'],
    'the host slept within the window, where neither seconds nor joules then mean anything; caution where it slept outside of it',
  ),
  clock_offset_large: says(
    ['invalid', 'info'],
    `the clocks of two processes are over ${T.clock_offset_refreshes} refresh of the energy's source apart; info where not both recorded requests or readings`,
  ),
  counter_reset: says(
    ['invalid', 'info'],
    'an energy counter fell back within the window; info beside another source',
  ),
  counter_stalled: says(
    ['invalid', 'info'],
    `an energy counter stood still for ${T.counter_stalled_refreshes} of its refreshes, at zero or at its maximum; info beside another source`,
  ),
  energy_source_disagreement: says(
    'caution',
    `two sources of one energy of equal scope differ by over ${pct(T.source_disagreement)}`,
  ),
  power_implausible: says(
    'invalid',
    `power over ${T.power_implausible_instant} times the rated power at an instant, or over ${T.power_implausible_mean} times on average`,
  ),
  double_count_suspected: says(
    'invalid',
    `processes claim joules each for itself, alike within ${pct(T.double_count_share)} for devices that may be the same, or over ${T.double_count_tdp} times what the devices can draw`,
  ),
  ranks_incomplete: says(
    'invalid',
    'ranks are missing, repeated, or disagree on how many there are',
  ),
  no_temporal_overlap: says(
    'invalid',
    'the processes ran together for less than half of the shortest one',
  ),
  scope_exceeds_workload: says(
    'caution',
    'the energy is that of a whole GPU or module of which the engine used a part, or of all GPUs where it is not certain which it used',
  ),
  foreign_process: says(
    'caution',
    'a process that is neither the engine nor the agent held memory on the device during the window; not judged where process numbers are not those of this system',
  ),
  baseline_stale: says(
    'caution',
    `idle power is over ${T.baseline_stale_s} s old or over ${T.baseline_stale_c} °C away, of another power limit, or over ${pct(T.baseline_changed_share)} another after the load; nothing is subtracted`,
  ),
  baseline_exceeds_gross: says(
    'caution',
    'idle power over the same seconds exceeds what was drawn; the sign is kept',
  ),
  baseline_unstable: says(
    'caution',
    `one-second means of idle power spread or drift by over ${pct(T.baseline_unstable_share)}, or the device was in use, also by another process, or slowed down`,
  ),
  baseline_short: says('info', `idle power was taken for less than ${T.baseline_s} s`),
  sensor_duty_unknown: says(
    'info',
    'the board is known to sense only part of each period; its error is a bound',
  ),
  host_energy_missing: says('info', "the host's own energy is not in the result"),
  node_below_parts: says(
    'caution',
    "the node's meter tells less than GPU and host together, or than the GPUs alone; it may hang on one of several supplies",
  ),
  client_saturated: says(
    'invalid',
    'the load generator could not keep up, so its own delay is in the latencies',
  ),
  send_lag_high: says(
    'caution',
    `p99 of the send lag is over ${pct(R.send_lag_share)} of the mean gap between arrivals`,
  ),
  arrival_mismatch: says(
    'caution',
    `arrivals are unlike their label: Poisson dispersion outside the ${pct(1 - 2 * R.dispersion_tail)} band, or constant ones over ${R.constant_deviation_ms} ms off their grid`,
  ),
  chunks_coalesced: says('caution', `over ${pct(R.coalesced)} of the gaps between chunks are zero`),
  warmup_not_converged: says('caution', 'request times had not settled when warm-up ended'),
  non_stationary: says(
    'caution',
    `output rate or power has a trend over the window and drifts by over ${pct(R.trend_drift)}`,
  ),
  failures_above_threshold: says(
    ['invalid', 'caution'],
    `over ${pct(R.failures_caution)} of the ended requests failed; over ${pct(R.failures_invalid)}: invalid`,
  ),
  all_requests_failed: says('invalid', 'every request failed'),
  unbelievable_count: says(
    ['invalid', 'caution'],
    `the engine reported counts that no response can have: no whole number from 0 to ${R.tokens_max}, zero output tokens with token chunks, more cached than input or more reasoning than output tokens. They are read as absent; in over ${pct(R.unbelievable_invalid)} of the requests: invalid`,
  ),
  token_source_disagreement: says(
    'caution',
    `tokens by usage and by chunks differ by over ${pct(R.token_disagreement)}, or tokens are counted by chunk alone`,
  ),
  length_mismatch: says('caution', 'answers are not of the requested length'),
  prefix_cache_hits: says(
    'info',
    `over ${pct(R.cache_hit_rate)} of the prompt tokens came from the prefix cache`,
  ),
  window_mismatch: says('invalid', 'tokens and joules come from unlike windows'),
  mixed_definition: says(
    'invalid',
    'runs that are counted as one differ in model, weights, engine, precision, dataset or where tokens are counted',
  ),
  identity_broken: says(
    'invalid',
    `numbers given without their rows contradict one another by over ${pct(T.identity_share)}, or percentiles fall`,
  ),
  n_too_small: says(
    'info',
    'too few requests for the outer percentiles: p99 needs 100 values, p99.9 needs 1000',
  ),
  ci_unreliable: says(
    'info',
    'fewer than three cycles: their interval is very wide, or there is none',
  ),
  llem_double_count: says(
    ['invalid', 'caution'],
    'processes of an LLenergyMeasure result each read all GPUs and were added up (invalid), or may have been, as the file does not tell them apart (caution)',
  ),
  llem_gpu0_only: says(
    'invalid',
    'an LLenergyMeasure result used several GPUs and holds the energy of one',
  ),
  llem_denominator: says(
    'info',
    'an LLenergyMeasure result gives joules per token without telling which tokens it counts',
  ),
  run_interrupted: says('caution', 'the run was interrupted; what was recorded is counted'),
  run_failed: says('invalid', 'the run failed'),
  remote_engine: says('info', 'the engine runs on another host, so its energy is unknown'),
}
