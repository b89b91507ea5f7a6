import quantile from '@stdlib/stats-base-dists-t-quantile'

/**
 * Quantile of Student's t, exact at every count.
 * @param p probability, 0 to 1  @param degrees degrees of freedom, above 0
 * @throws RangeError outside of these
 */
export function tQuantile(p: number, degrees: number): number {
  const t = quantile(p, degrees)
  if (Number.isNaN(t))
    throw new RangeError(`no t quantile at probability ${p} with ${degrees} degrees of freedom`)
  return t
}
