import type { Estimate } from '../comparing/compare-metric.ts'

/** What one input of the scenario, such as the factor of the grid, does to a number: relative, one standard deviation. */
export interface CommonTerm {
  readonly name: string
  readonly down: number
  readonly up: number
}

/** What all candidates that were priced alike have in common: it moves them together, so that savings hardly feel it. */
export interface CommonSpread {
  readonly terms: readonly CommonTerm[]
  /** The whole range without it; null: not known. */
  readonly low: number | null
  readonly high: number | null
}

/** A number with its ranges. */
export interface Spread extends Omit<Estimate, 'unit' | 'reason'> {
  /** Of a priced number: what of its range all candidates have in common. */
  readonly common?: CommonSpread
}

/** A range as ranges of metrics are: two standard deviations to each side. */
const COVERAGE = 2
const size = (t: CommonTerm | undefined): number => (t === undefined ? 0 : (t.down + t.up) / 2)

/**
 * Two numbers for a comparison: of what is common to both only that is left by which it moves the one more than the
 * other, which is nothing where both are the same product of it.
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function withoutCommon(a: Spread, b: Spread): [Estimate, Estimate] {
  const [mine, other] = [a.common?.terms ?? [], b.common?.terms ?? []]
  const names = new Set([...mine, ...other].map((t) => t.name))
  const left = Math.hypot(
    ...[...names].map(
      (name) => size(mine.find((t) => t.name === name)) - size(other.find((t) => t.name === name)),
    ),
  )
  return [widened(a, left), widened(b, 0)]
}

function widened(m: Spread, relative: number): Estimate {
  const { value, common } = m
  const out = (end: number | null, way: -1 | 1): number | null =>
    value === null || end === null || relative === 0
      ? end
      : value + way * Math.hypot(end - value, COVERAGE * relative * value)
  const { low, high } = common ?? m
  return {
    value,
    // Both have the same unit, which the verdict does not look at.
    unit: '1',
    reason: null,
    low: out(low, -1),
    high: out(high, 1),
    repeat_low: out(m.repeat_low, -1),
    repeat_high: out(m.repeat_high, 1),
  }
}
