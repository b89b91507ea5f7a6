/**
 * Percentile by linear interpolation at rank fraction × (count - 1) (Hyndman and Fan's type 7).
 * @param values in any order, without NaN; left as they are  @param fraction 0 to 1
 * @returns null where there is no value
 * @throws RangeError when fraction lies outside 0 to 1
 * Source: docs/metrics.md, "Latency". Example: 20, 24, 40, 60 at 0.75: 45.
 */
export function percentile(values: ArrayLike<number>, fraction: number): number | null {
  return percentileOfSorted(Float64Array.from(values).sort(), fraction)
}

/** {@link percentile} of values that ascend already. */
export function percentileOfSorted(sorted: ArrayLike<number>, fraction: number): number | null {
  if (!(fraction >= 0 && fraction <= 1))
    throw new RangeError(`a percentile's fraction is ${fraction}; it must lie within 0 to 1`)
  if (sorted.length === 0) return null
  const rank = fraction * (sorted.length - 1)
  const below = Math.floor(rank)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (rank - below)
}

/**
 * Percentile by nearest rank: the smallest value that at least this share of the values does not exceed.
 * Takes infinite values, for lists in which a failure counts as infinitely slow.
 */
export function nearestRank(values: ArrayLike<number>, fraction: number): number | null {
  return nearestRankOfSorted(Float64Array.from(values).sort(), fraction)
}

/** {@link nearestRank} of values that ascend already. */
export function nearestRankOfSorted(sorted: ArrayLike<number>, fraction: number): number | null {
  if (!(fraction >= 0 && fraction <= 1))
    throw new RangeError(`a percentile's fraction is ${fraction}; it must lie within 0 to 1`)
  if (sorted.length === 0) return null
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] as number
}
