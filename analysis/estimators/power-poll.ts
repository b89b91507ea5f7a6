import { curveBuilder, holeKind, type PowerCurve, SEGMENT } from './power-curve.ts'

/**
 * Power from momentary readings: straight lines between neighbours (the trapezoid). Where a failed reading lies
 * between, or more than three usual spacings, the line is a bridge; over a hole beyond the limit there is none.
 * @param power_w NaN where the reading failed  @param spacing_ns the usual distance of readings
 * Source: docs/metrics.md, "Energy", window estimator.
 */
export function pollCurve(
  t_ns: Float64Array,
  power_w: Float64Array,
  spacing_ns: number,
): PowerCurve {
  const first = power_w.findIndex(Number.isFinite)
  if (first < 0) return curveBuilder(0, 0).done()
  const builder = curveBuilder(t_ns[first] as number, t_ns.length)
  let last = first
  for (let i = first + 1; i < t_ns.length; i++) {
    const w = power_w[i] as number
    if (!Number.isFinite(w)) continue
    const gap = (t_ns[i] as number) - (t_ns[last] as number)
    const hole = holeKind(gap, spacing_ns)
    const kind =
      hole === SEGMENT.gap || i - last > 1 || gap > 3 * spacing_ns ? hole : SEGMENT.measured
    builder.add(t_ns[i] as number, power_w[last] as number, w, kind)
    last = i
  }
  return builder.done()
}
