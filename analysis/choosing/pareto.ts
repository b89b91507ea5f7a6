/**
 * When one point takes another off the frontier. `textbook`: no worse on every objective and better on one. `mlenergy`:
 * better on every one, so that points wasteful on a single objective stay (the rule of the ML.ENERGY leaderboard).
 */
export const DOMINANCE_RULES = ['textbook', 'mlenergy'] as const
export type DominanceRule = (typeof DOMINANCE_RULES)[number]

/**
 * Which points lie on the Pareto frontier. Exact duplicates stand or fall together, so the order of the points does not
 * matter and the frontier of a frontier is itself.
 * @param costs by objective, one finite number a point, lower is better (negate what is better high)
 * @returns 1 for a point on the frontier, 0 for a dominated one
 * @throws RangeError where a number is not finite or the objectives differ in length
 * Two objectives take O(n log n) time, more of them O(n × frontier).
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function onFrontier(
  costs: readonly ArrayLike<number>[],
  rule: DominanceRule = 'textbook',
): Uint8Array {
  const [x, y] = costs
  if (x === undefined) throw new RangeError('A frontier needs at least one objective.')
  costs.forEach((cost, objective) => {
    checkCosts(cost, x.length, objective)
  })
  return costs.length === 2 && y !== undefined ? ofTwo(x, y, rule) : ofMany(costs, rule)
}

function checkCosts(cost: ArrayLike<number>, points: number, objective: number): void {
  if (cost.length !== points)
    throw new RangeError(
      `Objective ${objective} has ${cost.length} numbers for ${points} points; give one a point.`,
    )
  for (let i = 0; i < points; i++)
    if (!Number.isFinite(cost[i]))
      throw new RangeError(
        `Point ${i} has ${cost[i]} on objective ${objective}; leave points without a number out.`,
      )
}

/**
 * Only the xs are sorted, as bare numbers, which is several times as fast as sorting points: each point then finds the
 * place of its x, each place its least y.
 */
function ofTwo(x: ArrayLike<number>, y: ArrayLike<number>, rule: DominanceRule): Uint8Array {
  const n = x.length
  const xs = Float64Array.from(x).sort()
  const place = new Int32Array(n)
  const least = new Float64Array(n).fill(Number.POSITIVE_INFINITY)
  for (let i = 0; i < n; i++) {
    const p = firstPlace(xs, x[i] as number)
    place[i] = p
    if ((y[i] as number) < (least[p] as number)) least[p] = y[i] as number
  }
  /** The least y of all smaller xs; places of an x that is not its first hold infinity and change nothing. */
  const before = new Float64Array(n)
  let running = Number.POSITIVE_INFINITY
  for (let p = 0; p < n; p++) {
    before[p] = running
    running = Math.min(running, least[p] as number)
  }
  const on = new Uint8Array(n)
  for (let i = 0; i < n; i++) {
    const p = place[i] as number
    const cost = y[i] as number
    const stays =
      rule === 'textbook'
        ? cost === least[p] && cost < (before[p] as number)
        : cost <= (before[p] as number)
    on[i] = stays ? 1 : 0
  }
  return on
}

/** The first place of a number in ascending ones that hold it. */
function firstPlace(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * In lexicographic order whatever dominates a point comes before it; and since dominance is transitive, it is enough to
 * ask those that have stayed.
 */
function ofMany(costs: readonly ArrayLike<number>[], rule: DominanceRule): Uint8Array {
  const n = costs[0]?.length ?? 0
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => lexicographic(costs, a, b))
  const members: number[] = []
  for (const i of order) if (!members.some((m) => dominates(costs, m, i, rule))) members.push(i)
  const on = new Uint8Array(n)
  for (const i of members) on[i] = 1
  return on
}

function lexicographic(costs: readonly ArrayLike<number>[], a: number, b: number): number {
  for (const cost of costs) {
    const difference = (cost[a] as number) - (cost[b] as number)
    if (difference !== 0) return difference
  }
  return 0
}

/** Does point a take point b off the frontier? */
function dominates(
  costs: readonly ArrayLike<number>[],
  a: number,
  b: number,
  rule: DominanceRule = 'textbook',
): boolean {
  let better = 0
  for (const cost of costs) {
    const [mine, other] = [cost[a] as number, cost[b] as number]
    if (mine > other) return false
    if (mine < other) better++
  }
  return rule === 'textbook' ? better > 0 : better === costs.length
}
