import type { CanonMetric } from '../schema/canon.ts'
import type { MetricComparison } from '../schema/comparison.ts'
import type { Reason } from '../schema/reason.ts'
import type { Unit } from '../schema/units.ts'

/** A value with its ranges, of one run or over cycles. */
export interface Estimate {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
  readonly repeat_low: number | null
  readonly repeat_high: number | null
  readonly unit: Unit
  readonly reason: Reason | null
}

/**
 * Compares one metric of two sides. On the same devices a common gain cancels in the ratio, so repeatable ranges
 * count; on different ones the whole. Relative half-widths add in quadrature; a range of the saving that holds
 * zero is within noise.
 * Source: docs/metrics.md, "Uncertainty" and "Choosing a configuration".
 */
export function compareMetric(
  a: Estimate,
  b: Estimate,
  better: CanonMetric['better'],
  same_devices: boolean,
): MetricComparison {
  const basis = same_devices ? 'repeatable' : 'whole'
  const common = { unit: a.unit, a: a.value, b: b.value, basis } as const
  if (a.value === null || b.value === null)
    return {
      ...common,
      difference: null,
      ratio: null,
      saving_pct: null,
      verdict: null,
      reason: (a.value === null ? a.reason : b.reason) ?? 'not_recorded',
    }
  const difference = a.value - b.value
  const known = { ...common, difference, ratio: b.value === 0 ? null : a.value / b.value }
  if (better === null) return { ...known, saving_pct: null, verdict: null, reason: null }
  if (a.value <= 0 || b.value <= 0)
    return { ...known, saving_pct: null, verdict: null, reason: 'zero_denominator' }
  const aWins = better === 'low' ? a.value <= b.value : a.value >= b.value
  const [best, worst] = aWins ? [a.value, b.value] : [b.value, a.value]
  const quotient = best / worst
  const sign = better === 'low' ? 1 : -1
  const value = 100 * sign * (1 - quotient)
  const spread = [relativeHalf(a, basis), relativeHalf(b, basis)]
  if (spread.includes(null))
    return {
      ...known,
      saving_pct: { value, low: null, high: null },
      verdict: difference === 0 ? 'within_noise' : null,
      reason: 'n_too_small',
    }
  const half = 100 * quotient * Math.hypot(...(spread as number[]))
  const saving_pct = { value, low: value - half, high: value + half }
  const winner = aWins ? 'a' : 'b'
  return {
    ...known,
    saving_pct,
    verdict: saving_pct.low > 0 ? winner : 'within_noise',
    reason: null,
  }
}

function relativeHalf(e: Estimate, basis: 'repeatable' | 'whole'): number | null {
  const [low, high] = basis === 'repeatable' ? [e.repeat_low, e.repeat_high] : [e.low, e.high]
  return low === null || high === null || e.value === null ? null : (high - low) / 2 / e.value
}
