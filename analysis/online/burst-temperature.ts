import { mean } from '../stats/moments.ts'

/** A line over temperature needs so many values and degrees. */
const LEAST_VALUES = 8
const LEAST_SPREAD_C = 2
const COVERAGE = 2

/**
 * By what share the same work takes more energy per degree of the card, since leakage grows with it: the straight line
 * of least squares through shares over temperature.
 * @param values of each burst: its temperature when it began, and by what share its energy differs from the mean
 * @returns per degree Celsius; null where the temperature hardly varied, or the line is within twice its own standard error
 * Source: docs/measuring.md, "Bursts".
 */
export function sharePerDegree(
  values: readonly { readonly temperature_c: number; readonly share: number }[],
): number | null {
  const middle = mean(values.map((v) => v.temperature_c))
  if (middle === null || values.length < LEAST_VALUES) return null
  const degrees = values.map((v) => v.temperature_c - middle)
  if (Math.max(...degrees) - Math.min(...degrees) < LEAST_SPREAD_C) return null
  const spread = degrees.reduce((sum, d) => sum + d ** 2, 0)
  const slope = values.reduce((sum, v, i) => sum + (degrees[i] as number) * v.share, 0) / spread
  const level = mean(values.map((v) => v.share)) as number
  const left = values.reduce(
    (sum, v, i) => sum + (v.share - level - slope * (degrees[i] as number)) ** 2,
    0,
  )
  const u_slope = Math.sqrt(left / (values.length - 2) / spread)
  return Math.abs(slope) > COVERAGE * u_slope ? slope : null
}
