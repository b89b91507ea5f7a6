import { frontierOf } from '../analysis/choosing/frontier.ts'
import { recommend } from '../analysis/choosing/recommend.ts'
import { frontierSpec } from '../analysis/report/frontier.ts'
import { recommendationSpec } from '../analysis/report/recommendation.ts'
import type { VegaLiteSpec } from '../analysis/report/spec.ts'
import type { Pareto, Recommendation } from '../analysis/schema/choosing.ts'
import type { ParetoQuery, RecommendQuery } from './candidate-query.ts'
import { currentCandidate, loadCandidates } from './candidates.ts'
import type { Store } from './store/open.ts'
import type { Summaries } from './summaries.ts'

/** An answer, and its chart, which is made when it is asked for. */
export interface Chosen<T> {
  readonly answer: T
  chart(): VegaLiteSpec
}

/** The frontier of what is stored. */
export async function paretoStored(
  store: Store,
  summaries: Summaries,
  { filters, per, request }: ParetoQuery,
): Promise<Chosen<Pareto>> {
  const { candidates, excluded } = await loadCandidates(store, summaries, filters, per)
  const answer = frontierOf(candidates, request, excluded)
  return { answer, chart: () => frontierSpec(answer) }
}

/** What to choose of what is stored. @throws RunNotFound where `current` names no run */
export async function recommendStored(
  store: Store,
  summaries: Summaries,
  { filters, per, current: ref, request }: RecommendQuery,
): Promise<Chosen<Recommendation>> {
  const { candidates, excluded } = await loadCandidates(store, summaries, filters, per)
  const { current, fault } =
    ref === null
      ? { current: null, fault: null }
      : await currentCandidate(store, summaries, ref, candidates)
  const answer = recommend(candidates, { ...request, current, no_current: fault }, excluded)
  const chart = () => {
    const { minimize, latency, group_by, resamples, seed, bounds } = request
    const objectives = [latency, minimize].map((metric) => ({ metric, direction: 'min' as const }))
    const shown = { objectives, bounds: [], group_by, rule: 'textbook' as const, resamples, seed }
    return recommendationSpec(frontierOf(candidates, shown), answer, bounds)
  }
  return { answer, chart }
}
