import { percentileOfSorted } from '../stats/percentile.ts'
import type { Candidate } from './candidate.ts'
import { hypervolume } from './hypervolume.ts'
import { kneeOf } from './knee.ts'
import type { Objective } from './objective.ts'
import { type DominanceRule, onFrontier } from './pareto.ts'
import { resampler } from './resample.ts'

export interface Membership {
  /** Indices of the frontier as measured, in the order of the candidates. */
  readonly members: readonly number[]
  /** Of each candidate: in which share of resamples it lies on the frontier. */
  readonly share: Float64Array
  readonly knee: { readonly index: number; readonly share: number } | null
  /** null: of four objectives and more it is not computed. */
  readonly hypervolume: HypervolumeRange | null
}

export interface HypervolumeRange {
  readonly value: number
  readonly low: number
  readonly high: number
  /** The worst candidate on each objective, up to which the area counts. */
  readonly reference: readonly number[]
}

const MOST_OBJECTIVES = 3

/**
 * Which candidates lie on the frontier, and how sure that is: the frontier is found anew in each of many seeded
 * resamples of what was measured.
 * @param candidates with a value on every objective, in an order that does not depend on how they came
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function frontierMembership(
  candidates: readonly Candidate[],
  objectives: readonly Objective[],
  rule: DominanceRule,
  asked: { readonly resamples: number; readonly seed: number },
): Membership {
  const n = candidates.length
  const { costs, draw, exact } = resampler(candidates, objectives, asked.seed)
  const resamples = exact ? 1 : asked.resamples
  const members = membersOf(onFrontier(costs, rule))
  const knee = kneeOf(costs, members)
  const share = new Float64Array(n)
  const measured = objectives.length > MOST_OBJECTIVES ? null : areaOf(costs, members)
  const areas = new Float64Array(measured === null ? 0 : resamples)
  let same_knee = 0
  for (let r = 0; r < resamples; r++) {
    const drawn = draw()
    const found = membersOf(onFrontier(drawn, rule))
    for (const i of found) share[i] = (share[i] as number) + 1 / resamples
    if (knee !== null && kneeOf(drawn, found) === knee) same_knee++
    if (measured !== null) areas[r] = areaOf(drawn, found).value
  }
  // A sum of thousandths ends beside 1.
  for (let i = 0; i < n; i++) share[i] = Math.round((share[i] as number) * resamples) / resamples
  areas.sort()
  const range = (value: number) => ({
    low: Math.min(value, percentileOfSorted(areas, 0.025) ?? value),
    high: Math.max(value, percentileOfSorted(areas, 0.975) ?? value),
  })
  return {
    members,
    share,
    knee: knee === null ? null : { index: knee, share: same_knee / resamples },
    hypervolume:
      measured === null
        ? null
        : {
            value: measured.value,
            ...range(measured.value),
            reference: measured.reference.map((r, k) =>
              objectives[k]?.direction === 'max' ? -r : r,
            ),
          },
  }
}

function membersOf(on: Uint8Array): number[] {
  const out: number[] = []
  for (let i = 0; i < on.length; i++) if (on[i] === 1) out.push(i)
  return out
}

function areaOf(costs: readonly Float64Array[], members: readonly number[]) {
  const reference = costs.map((c) => c.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY))
  const points = members.map((i) => costs.map((c) => c[i] as number))
  return { value: hypervolume(points, reference), reference }
}
