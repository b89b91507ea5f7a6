/** A measured point with the standard uncertainties of both its coordinates. */
export interface Point {
  readonly x: number
  readonly y: number
  readonly u_x: number
  readonly u_y: number
}

/** y = intercept + slope × x, with standard uncertainties from those of the points alone. */
export interface Line {
  readonly slope: number
  readonly intercept: number
  readonly u_slope: number
  readonly u_intercept: number
  readonly covariance: number
  /** Sum of squared residuals by their uncertainties: about n - 2 where these are right. */
  readonly chi_square: number
}

const ROUNDS = 100
const CLOSE = 1e-13

/**
 * The straight line through points of which both coordinates err, each independently of the others.
 * @returns null where the points don't determine one: fewer than two, or all at one x
 * @throws RangeError where a point has no uncertainty at all
 * Source: York et al., Am. J. Phys. 72 (2004) 367, equations 13, with uncorrelated errors.
 */
export function yorkLine(points: readonly Point[]): Line | null {
  const bad = points.findIndex((p) => !(p.u_x ** 2 + p.u_y ** 2 > 0))
  if (bad >= 0) throw new RangeError(`point ${bad} has no uncertainty`)
  const centre_x = points.reduce((sum, p) => sum + p.x, 0) / points.length
  const spread = points.reduce((sum, p) => sum + (p.x - centre_x) ** 2, 0)
  if (points.length < 2 || !(spread > 0)) return null
  let slope =
    points.reduce((sum, p) => sum + (p.x - centre_x) * p.y, 0) / spread /* ordinary, to begin */
  for (let round = 0; round < ROUNDS; round++) {
    const { weighted, mean_x, mean_y } = weigh(points, slope)
    let over = 0
    let under = 0
    for (const { p, weight, beta } of weighted) {
      over += weight * beta * (p.y - mean_y)
      under += weight * beta * (p.x - mean_x)
    }
    const next = over / under
    if (!Number.isFinite(next)) return null
    const moved = Math.abs(next - slope)
    slope = next
    if (moved <= CLOSE * Math.abs(slope)) break
  }
  const { weighted, mean_x, mean_y, total } = weigh(points, slope)
  const intercept = mean_y - slope * mean_x
  const adjusted_x =
    weighted.reduce((sum, { weight, beta }) => sum + weight * (mean_x + beta), 0) / total
  const squares = weighted.reduce(
    (sum, { weight, beta }) => sum + weight * (mean_x + beta - adjusted_x) ** 2,
    0,
  )
  const variance = 1 / squares
  return {
    slope,
    intercept,
    u_slope: Math.sqrt(variance),
    u_intercept: Math.sqrt(1 / total + adjusted_x ** 2 * variance),
    covariance: -adjusted_x * variance,
    chi_square: weighted.reduce(
      (sum, { p, weight }) => sum + weight * (p.y - intercept - slope * p.x) ** 2,
      0,
    ),
  }
}

function weigh(points: readonly Point[], slope: number) {
  const weights = points.map((p) => 1 / (p.u_y ** 2 + slope ** 2 * p.u_x ** 2))
  const total = weights.reduce((a, b) => a + b, 0)
  const meanOf = (of: (p: Point) => number) =>
    points.reduce((sum, p, i) => sum + (weights[i] as number) * of(p), 0) / total
  const mean_x = meanOf((p) => p.x)
  const mean_y = meanOf((p) => p.y)
  return {
    total,
    mean_x,
    mean_y,
    weighted: points.map((p, i) => {
      const weight = weights[i] as number
      const beta = weight * ((p.x - mean_x) * p.u_y ** 2 + slope * (p.y - mean_y) * p.u_x ** 2)
      return { p, weight, beta }
    }),
  }
}
