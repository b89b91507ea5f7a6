/**
 * The knee of a frontier: where giving up a little of one objective stops gaining much of another. Each objective is
 * scaled to 0 (the frontier's best) to 1 (its worst); the knee lies farthest below the plane through the scaled
 * extremes, on which the scaled costs add up to 1.
 * @param costs by objective, lower is better  @param members the points of the frontier
 * @returns a point, the earliest of equal ones; null where none lies below that plane (under three points none does)
 * Source: docs/metrics.md, "Choosing a configuration"; Das, Structural Optimization 18 (1999) 107.
 */
export function kneeOf(
  costs: readonly ArrayLike<number>[],
  members: readonly number[],
): number | null {
  const scales = costs.map((cost) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const i of members) {
      low = Math.min(low, cost[i] as number)
      high = Math.max(high, cost[i] as number)
    }
    return { low, span: high - low }
  })
  // An objective in which the whole frontier is alike has no extremes to draw a plane through.
  if (scales.some((s) => !(s.span > 0))) return null
  let knee: number | null = null
  let least = 1 - ROUNDING
  for (const i of members) {
    let total = 0
    costs.forEach((cost, k) => {
      const { low, span } = scales[k] as { low: number; span: number }
      total += ((cost[i] as number) - low) / span
    })
    if (total < least) {
      least = total
      knee = i
    }
  }
  return knee
}

/** Points on a straight line are no knee because of how they are rounded. */
const ROUNDING = 1e-9
