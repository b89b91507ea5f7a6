import { curveBuilder, holeKind, type PowerCurve, SEGMENT } from './power-curve.ts'

/**
 * Power from samples that are each the mean of the time *before* them (a driver's ring, an estimate from counted
 * processor time): held, never drawn as a ramp. A sample stands for the time since the one before it; after a hole
 * longer than `longest_ns` only for its own period, and the hole is bridged or lost.
 * @param power_w NaN where the reading failed
 * Source: docs/metrics.md, "Energy", ring.
 */
export function ringCurve(
  t_ns: Float64Array,
  power_w: Float64Array,
  period_ns: number,
  longest_ns: number,
): PowerCurve {
  const first = power_w.findIndex(Number.isFinite)
  if (first < 0) return curveBuilder(0, 0).done()
  const builder = curveBuilder((t_ns[first] as number) - period_ns, 2 * t_ns.length)
  let before_ns = (t_ns[first] as number) - period_ns
  let before_w = power_w[first] as number
  for (let i = first; i < t_ns.length; i++) {
    const t = t_ns[i] as number
    const w = power_w[i] as number
    if (!Number.isFinite(w)) continue
    if (t - before_ns > longest_ns) {
      const hole_end = t - period_ns
      builder.add(hole_end, before_w, w, holeKind(hole_end - before_ns))
    }
    builder.add(t, w, w, SEGMENT.measured)
    before_ns = t
    before_w = w
  }
  return builder.done()
}
