import { chiSquareQuantile } from './chi-square.ts'

/** Quantile of the standard normal distribution: the root of chi-square's with one degree of freedom. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`no normal quantile at probability ${p}`)
  const z = Math.sqrt(chiSquareQuantile(Math.abs(2 * p - 1), 1))
  return p < 0.5 ? -z : z
}

/**
 * Standard normal distribution function, absolute error under 7.5 × 10^-8.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17.
 */
export function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly
  return z >= 0 ? 1 - tail : tail
}
