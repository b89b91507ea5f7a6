import { inverse } from '../stats/inverse.ts'

/** Two entrants that were compared, and what the first one got of it: 1 it won, 0 it lost, ½ a draw. */
export interface Match {
  readonly a: string
  readonly b: string
  readonly score: 0 | 0.5 | 1
}

/** How strong an entrant is among those that it is compared with. */
export interface Strength {
  readonly entrant: string
  /** Log odds against the average entrant: the strengths of all add up to 0. */
  readonly strength: number
  /** 95 %. */
  readonly low: number
  readonly high: number
}

export interface BradleyTerry {
  /** By entrant, in the order of their names. null: they are not all compared with one another, however indirectly. */
  readonly strengths: readonly Strength[] | null
  /** Entrants that are compared with one another, directly or through others; one group where all are. */
  readonly groups: readonly (readonly string[])[]
}

const Z = 1.959963984540054
const ROUNDS = 5_000
const CLOSE = 1e-11
/** Longest step in log odds: a full one may leap where nearly everything was won. */
const STEP = 1

/**
 * Strengths by the Bradley-Terry model: log odds that one entrant beats another are the difference of their strengths;
 * a draw is half a win to each. By maximum likelihood with Firth's penalty, Jeffreys' prior: as much as one vote for each
 * entrant but one, half a win to either side, spread over the pairs by their leverage. It takes off the first-order bias
 * and keeps an entrant that won everything at a finite strength. Of two entrants: ln((wins + ½) / (losses + ½)).
 * Ranges are Wald's, from the information of the votes without the penalty. Neither the order of the matches nor that of
 * the two within one matters.
 * Source: docs/metrics.md, "Quality against energy"; Bradley and Terry, Biometrika 39 (1952) 324; Firth, Biometrika 80
 * (1993) 27; Heinze and Schemper, Statistics in Medicine 21 (2002) 2409.
 */
export function bradleyTerry(matches: readonly Match[]): BradleyTerry {
  const { names, pairs } = tallied(matches)
  const groups = connected(names.length, pairs).map((g) => g.map((i) => names[i] as string))
  if (groups.length > 1) return { strengths: null, groups }
  const { strength, covariance } = fitted(names.length, pairs)
  const strengths = names.map((entrant, i) => {
    const half = Z * Math.sqrt(covariance(i, i))
    const value = strength[i] as number
    return { entrant, strength: value, low: value - half, high: value + half }
  })
  return { strengths, groups }
}

/** Votes between entrants i < j. */
interface Pair {
  readonly i: number
  readonly j: number
  votes: number
  /** Wins of i, a draw a half. */
  wins: number
}

function tallied(matches: readonly Match[]): { names: string[]; pairs: Pair[] } {
  const names = [...new Set(matches.flatMap((m) => [m.a, m.b]))].sort()
  const place = new Map(names.map((name, i) => [name, i]))
  const pairs = new Map<number, Pair>()
  for (const { a, b, score } of matches) {
    const [p, q] = [place.get(a) as number, place.get(b) as number]
    if (p === q) continue
    const [i, j] = p < q ? [p, q] : [q, p]
    const key = i * names.length + j
    const pair = pairs.get(key) ?? { i, j, votes: 0, wins: 0 }
    pairs.set(key, pair)
    pair.votes++
    pair.wins += p === i ? score : 1 - score
  }
  return { names, pairs: [...pairs].sort(([a], [b]) => a - b).map(([, pair]) => pair) }
}

/** Entrants that matches join, directly or through others, each group ascending. */
function connected(n: number, pairs: readonly Pair[]): number[][] {
  const root = Array.from({ length: n }, (_, i) => i)
  const find = (i: number): number => {
    let at = i
    while (root[at] !== at) at = root[at] as number
    return at
  }
  for (const { i, j } of pairs) root[find(j)] = find(i)
  const groups = new Map<number, number[]>()
  for (let i = 0; i < n; i++) groups.set(find(i), [...(groups.get(find(i)) ?? []), i])
  return [...groups.values()]
}

function fitted(n: number, pairs: readonly Pair[]) {
  const strength = new Array<number>(n).fill(0)
  const chance = ({ i, j }: Pair) =>
    1 / (1 + Math.exp((strength[j] as number) - (strength[i] as number)))
  let covariance = covarianceOf(n, pairs, chance)
  let damping = 1
  let before = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const score = new Array<number>(n).fill(0)
    for (const pair of pairs) {
      const { i, j, votes, wins } = pair
      const p = chance(pair)
      const spread = covariance(i, i) + covariance(j, j) - 2 * covariance(i, j)
      const leverage = votes * p * (1 - p) * spread
      const pull = wins - votes * p + leverage * (0.5 - p)
      score[i] = (score[i] as number) + pull
      score[j] = (score[j] as number) - pull
    }
    const step = strength.map((_, i) => score.reduce((sum, s, j) => sum + s * covariance(i, j), 0))
    const longest = Math.max(0, ...step.map(Math.abs))
    // Full steps may swing to and fro where votes are few.
    if (longest > before) damping = Math.max(damping / 2, 1 / 64)
    before = longest
    const scale = damping * Math.min(1, STEP / longest)
    if (longest > 0)
      for (let i = 0; i < n; i++)
        strength[i] = (strength[i] as number) + scale * (step[i] as number)
    covariance = covarianceOf(n, pairs, chance)
    if (longest <= CLOSE) break
  }
  return { strength, covariance }
}

/** Of the strengths, where they add up to 0: the pseudo-inverse of the information. */
function covarianceOf(n: number, pairs: readonly Pair[], chance: (pair: Pair) => number) {
  // The information knows differences only; 1/n everywhere fixes the sum and falls out again behind.
  const matrix = Array.from({ length: n }, () => new Array<number>(n).fill(1 / n))
  const add = (i: number, j: number, by: number) => {
    const row = matrix[i] as number[]
    row[j] = (row[j] as number) + by
  }
  for (const pair of pairs) {
    const { i, j, votes } = pair
    const p = chance(pair)
    const weight = votes * p * (1 - p)
    add(i, i, weight)
    add(j, j, weight)
    add(i, j, -weight)
    add(j, i, -weight)
  }
  const inverted = inverse(matrix)
  if (inverted === null) throw new RangeError('the entrants are not all connected by matches')
  return (i: number, j: number): number => (inverted[i]?.[j] as number) - 1 / n
}
