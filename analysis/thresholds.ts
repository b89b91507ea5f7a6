/**
 * Limits of the validity codes and of the estimators, as data: a change that moves any result raises `version`
 * and is told in CHANGELOG.md. Source: docs/metrics.md, "Validity" and "Energy".
 */
export const THRESHOLDS = {
  version: 2,

  /** Gaps up to this are bridged linearly; longer ones make the window invalid. */
  bridge_s: 3,
  /** A hole in a ring is one longer than so many of its periods. */
  ring_gap_periods: 3,
  /** A counter must hold so many of its refresh periods to be chosen. */
  counter_min_refreshes: 100,
  /** A counter that has not moved for so many refresh periods has stalled. */
  counter_stalled_refreshes: 20,
  /** A CPU counter that falls has wrapped only if the power it then means is plausible. */
  counter_wrap_max_w: 2000,
  /** Two sources of one energy may differ by this share. */
  source_disagreement: 0.05,

  /** The ring shows work from this long before (idle needed) to this long after it. */
  burst_before_s: 0.1,
  burst_after_s: 0.25,
  /** So long on either side of the padded window is looked at for the power around it. */
  burst_look_s: 0.2,
  /** It is quiet there where no reading is further from their mean: the larger of a share and watts. */
  burst_quiet_share: 0.05,
  burst_quiet_w: 5,
  /** A request that reaches this little into the padding is no work in it. */
  burst_busy_s: 0.02,
  /** How near to idle power the edges of a burst must be: the larger of a share and watts. */
  burst_idle_share: 0.2,
  burst_idle_w: 10,
  /** By the watt step × so long at most (standard) single bursts at the power limit scattered in the ring of an H100. */
  ring_jitter_s: 0.004,
  /** What a ring shows late at a falling edge, beside its period. */
  ring_lag_s: 0.006,

  /** Bound of a sensor's error: the larger of a share of the mean power and, of a GPU's, watts. */
  sensor_gain: 0.05,
  sensor_offset_w: 5,
  estimate_gain: 0.4,

  /** A single marked window below this is not told by itself: a ring shows such a burst by a tenth too low. */
  window_single_s: 0.1,

  samples_caution: 10,
  samples_invalid: 2,
  short_measurement_s: 10,
  /** Share of the energy that the repeatable expanded uncertainty may reach. */
  window_too_short_share: 0.2,

  /** What the spans of one phase must cover, in refresh periods, to be told from the other. */
  phase_min_refreshes: 20,
  /** Slices of the regression of prefill and decode: their length in refresh periods, and how many it needs. */
  slice_periods: 5,
  slices_min: 100,
  /** Columns of a higher condition number don't tell their parts apart. */
  condition_max: 30,

  thermal_drift_c: 10,
  clock_drift_share: 0.05,
  /** A power cap counts only with power this near to the enforced limit. */
  power_cap_near_share: 0.05,
  power_cap_caution_share: 0.2,
  /** Throttling that only the driver's own count shows, s: shorter is the error of when it is read. */
  throttle_counted_s: 0.05,
  power_implausible_instant: 1.7,
  power_implausible_mean: 1.1,
  clock_step_s: 0.05,
  /** How far the clocks of two processes may be apart, in refreshes of the energy's source. */
  clock_offset_refreshes: 1,

  /** Claims of processes that may mean one device are alike within this share. */
  double_count_share: 0.04,
  /** What processes claim together, over the rated power of their devices. */
  double_count_tdp: 1.05,
  /** By how much numbers that are given rounded, without their rows, may miss an identity. */
  identity_share: 0.01,

  baseline_s: 30,
  baseline_unstable_share: 0.05,
  /** Idle power after the load may differ from that before it by this share. */
  baseline_changed_share: 0.05,
  baseline_stale_s: 3600,
  baseline_stale_c: 10,
} as const
