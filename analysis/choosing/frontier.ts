import type { Pareto, ParetoPoint, Pricing } from '../schema/choosing.ts'
import { alike, type Candidate, type Excluded, withMetrics } from './candidate.ts'
import { candidateLabels, candidateView, metricWords, valuesOf } from './candidate-view.ts'
import { choiceMetricOf, PRICED_IDS } from './choice-metric.ts'
import { frontierMembership } from './frontier-membership.ts'
import { type Bound, keeps, type Objective } from './objective.ts'
import type { DominanceRule } from './pareto.ts'
import { affordableResamples, knowsRange } from './resample.ts'

export interface FrontierRequest {
  /** x, y and more; at least one. */
  readonly objectives: readonly Objective[]
  readonly bounds: readonly Bound[]
  readonly group_by: readonly string[]
  readonly rule: DominanceRule
  /** What the candidates were priced by; null: they were not. */
  readonly pricing: Pricing | null
  /** On what the scores are by which candidates are judged; null: they are judged by none. */
  readonly quality_dataset: string | null
  readonly resamples: number
  readonly seed: number
}

/** From this share of resamples on a point is on the frontier for certain; from the other on, perhaps. */
const CERTAIN = 0.95
const POSSIBLE = 0.05

/**
 * Candidates as points, and which of them lie on the frontier of those that they can be compared with: for certain,
 * perhaps, or not. The answer does not depend on the order of the candidates.
 * @param excluded what is no candidate at all, passed on
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function frontierOf(
  candidates: readonly Candidate[],
  request: FrontierRequest,
  excluded: readonly Excluded[] = [],
): Pareto {
  const { objectives, bounds, group_by, rule, pricing, quality_dataset, resamples, seed } = request
  const metrics = objectives.map((o) => o.metric)
  const { having, lacking } = withMetrics(candidates, [...metrics, ...bounds.map((b) => b.metric)])
  const within = having.filter((c) =>
    bounds.every((b) => keeps(c.metrics[b.metric]?.value as number, b)),
  )
  const points: ParetoPoint[] = []
  const words = candidateLabels(within)
  const labels = new Map(within.map((c, i) => [c.id, words[i] as string]))
  const affordable = (points: number) => affordableResamples(points, objectives.length, resamples)
  const groups = alike(within, metrics, group_by).map(({ group, members }, place) => {
    const found = frontierMembership(members, objectives, rule, {
      resamples: affordable(members.length),
      seed,
    })
    const on = new Set(found.members)
    const own = members.map((c, i): ParetoPoint => {
      const [x, y, z] = metrics.map((m) => c.metrics[m]?.value as number)
      const share = found.share[i] as number
      return {
        ...candidateView(c),
        label: labels.get(c.id) as string,
        x: x as number,
        y: (y ?? x) as number,
        ...(z === undefined ? {} : { z }),
        values: valuesOf(c, [...metrics, ...PRICED_IDS]),
        frontier: on.has(i),
        frontier_share: share,
        certainty: metrics.some((m) => knowsRange(c.metrics[m])) ? certaintyOf(share) : null,
        knee: found.knee?.index === i,
        group: place,
      }
    })
    own.sort((a, b) => a.x - b.x || a.y - b.y || (a.id < b.id ? -1 : 1))
    points.push(...own)
    const ids = (which: (p: ParetoPoint) => boolean) => own.filter(which).map((p) => p.id)
    return {
      group,
      candidates: members.length,
      frontier: ids((p) => p.frontier),
      certain: ids((p) => p.certainty === 'certain'),
      possible: ids((p) => p.frontier_share >= POSSIBLE),
      knee:
        found.knee === null
          ? null
          : { id: (members[found.knee.index] as Candidate).id, share: found.knee.share },
      hypervolume:
        found.hypervolume === null
          ? null
          : { ...found.hypervolume, reference: [...found.hypervolume.reference] },
    }
  })
  return {
    points,
    objectives: objectives.map(({ metric, direction }) => ({
      metric,
      direction,
      title: metricWords(metric, quality_dataset),
      unit: choiceMetricOf(metric, pricing?.currency)?.unit ?? '1',
    })),
    rule,
    groups,
    excluded: [...excluded, ...lacking].map((e) => ({ ...e, codes: [...e.codes] })),
    pricing,
    quality_dataset,
    resamples: affordable(Math.max(0, ...groups.map((g) => g.candidates))),
  }
}

const certaintyOf = (share: number) =>
  share >= CERTAIN ? 'certain' : share >= POSSIBLE ? 'possible' : 'none'
