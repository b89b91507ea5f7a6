import quantile from '@stdlib/stats-base-dists-chisquare-quantile'

/**
 * Quantile of the chi-square distribution.
 * @param p probability, 0 to 1  @param degrees degrees of freedom, above 0
 * @throws RangeError outside of these
 */
export function chiSquareQuantile(p: number, degrees: number): number {
  const q = quantile(p, degrees)
  if (Number.isNaN(q))
    throw new RangeError(
      `no chi-square quantile at probability ${p} with ${degrees} degrees of freedom`,
    )
  return q
}
