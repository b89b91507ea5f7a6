import { percentile } from '../stats/percentile.ts'

/**
 * By how much less the one takes than the baseline, in percent of the baseline: (baseline - value) / baseline × 100.
 * Negative where it takes more. null where the baseline is not above zero: a share of nothing is none.
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function savingPct(baseline: number, value: number): number | null {
  return baseline > 0 ? (100 * (baseline - value)) / baseline : null
}

/** One configuration as hardware is compared by: the best of each GPU model stands for it. */
export interface HardwareRow {
  /** What both sides must have in common, such as the model and its precision. */
  readonly group: string
  readonly gpu_model: string
  readonly latency: number
  readonly energy: number
}

export interface HardwareGain {
  readonly group: string
  readonly deadline: number
  /** Least energy of the old and of the new hardware within the deadline. */
  readonly old_best: number
  readonly new_best: number
  readonly gain_pct: number
}

export interface HardwareGains {
  readonly comparisons: readonly HardwareGain[]
  /** Comparisons in which the new hardware takes less. */
  readonly wins: number
  readonly median_pct: number | null
  readonly low_pct: number | null
  readonly high_pct: number | null
}

/**
 * What newer hardware saves as ML.ENERGY counts it: within each group, at each deadline (inclusive), the least energy
 * of one GPU model against that of the other, (old - new) / old × 100. Where either has none within the deadline there is
 * no comparison.
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function hardwareGains(
  rows: readonly HardwareRow[],
  old_model: string,
  new_model: string,
  deadlines: readonly number[],
): HardwareGains {
  const groups = [...new Set(rows.map((r) => r.group))].sort()
  const comparisons = groups.flatMap((group) =>
    deadlines.flatMap((deadline): HardwareGain[] => {
      const best = (gpu_model: string) =>
        rows
          .filter((r) => r.group === group && r.gpu_model === gpu_model && r.latency <= deadline)
          .reduce((least, r) => Math.min(least, r.energy), Number.POSITIVE_INFINITY)
      const [old_best, new_best] = [best(old_model), best(new_model)]
      const gain_pct = Number.isFinite(old_best + new_best) ? savingPct(old_best, new_best) : null
      return gain_pct === null ? [] : [{ group, deadline, old_best, new_best, gain_pct }]
    }),
  )
  const gains = comparisons.map((c) => c.gain_pct)
  return {
    comparisons,
    wins: gains.filter((g) => g > 0).length,
    median_pct: percentile(gains, 0.5),
    low_pct: percentile(gains, 0),
    high_pct: percentile(gains, 1),
  }
}
