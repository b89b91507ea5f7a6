import { NS_PER_S } from '../schema/units.ts'

/**
 * Energy under power samples by trapezoid, the primitive: pairs with a failed reading (NaN) are skipped, nothing is
 * bridged, and `covered_s` says how much time it stands for.
 * @param t_ns ascending, length n  @param power_w length n, NaN where the reading failed
 * @throws RangeError when t_ns is not ascending (names the index)
 * Source: docs/metrics.md, "Energy".
 */
export function trapezoid(
  t_ns: ArrayLike<number>,
  power_w: ArrayLike<number>,
): { energy_j: number; covered_s: number } {
  let energy_j = 0
  let covered_s = 0
  for (let i = 1; i < t_ns.length; i++) {
    const gap_s = ((t_ns[i] as number) - (t_ns[i - 1] as number)) / NS_PER_S
    if (gap_s < 0) throw new RangeError(`t_ns falls at index ${i}; sort the samples by time`)
    const watts = ((power_w[i] as number) + (power_w[i - 1] as number)) / 2
    if (!Number.isFinite(watts)) continue
    energy_j += watts * gap_s
    covered_s += gap_s
  }
  return { energy_j, covered_s }
}
