import { frontierOf } from '../analysis/choosing/frontier.ts'
import { recommend } from '../analysis/choosing/recommend.ts'
import { frontierSpec } from '../analysis/report/frontier.ts'
import { recommendationSpec } from '../analysis/report/recommendation.ts'
import type { VegaLiteSpec } from '../analysis/report/spec.ts'
import type { Pareto, Recommendation } from '../analysis/schema/choosing.ts'
import type { ParetoQuery, RecommendQuery } from './candidate-query.ts'
import { currentCandidate, loadCandidates } from './candidates.ts'
import { type Asking, pricedBy, pricerFor } from './choosing-pricer.ts'
import { judgeFor } from './choosing-quality.ts'
import type { Store } from './store/open.ts'
import type { Summaries } from './summaries.ts'

/** An answer, and its chart, which is made when it is asked for. */
export interface Chosen<T> {
  readonly answer: T
  chart(): VegaLiteSpec
}

/** The frontier of what is stored. @throws ScenarioError, NotStored, QualityError */
export async function paretoStored(
  store: Store,
  summaries: Summaries,
  query: ParetoQuery,
  asking: Asking,
): Promise<Chosen<Pareto>> {
  const pricer = await pricerFor(store, query, asking)
  const loaded = await loadCandidates(store, summaries, query.filters, query.per)
  const { judge, quality_dataset } = await judgeFor(store, query, loaded.candidates)
  const candidates = await pricedBy(pricer, loaded.candidates.map(judge))
  const pricing = pricer?.pricing(candidates) ?? null
  const request = { ...query.request, pricing, quality_dataset }
  const answer = frontierOf(candidates, request, loaded.excluded)
  return { answer, chart: () => frontierSpec(answer) }
}

/** What to choose of what is stored. @throws RunNotFound where `current` names no run; ScenarioError, NotStored, QualityError */
export async function recommendStored(
  store: Store,
  summaries: Summaries,
  query: RecommendQuery,
  asking: Asking,
): Promise<Chosen<Recommendation>> {
  const { filters, per, current: ref, request } = query
  const pricer = await pricerFor(store, query, asking)
  const loaded = await loadCandidates(store, summaries, filters, per)
  const { current, fault } =
    ref === null
      ? { current: null, fault: null }
      : await currentCandidate(store, summaries, ref, loaded.candidates, asking.skipped)
  const running = current === null ? [] : [current]
  const { judge, quality_dataset } = await judgeFor(store, query, [
    ...loaded.candidates,
    ...running,
  ])
  const candidates = await pricedBy(pricer, loaded.candidates.map(judge))
  const [now = null] = await pricedBy(pricer, running.map(judge))
  const pricing = pricer?.pricing([...candidates, ...(now ? [now] : [])]) ?? null
  const asked = { ...request, pricing, quality_dataset, current: now, no_current: fault }
  const answer = recommend(candidates, asked, loaded.excluded)
  const chart = () => {
    const { minimize, latency, group_by, resamples, seed, bounds } = request
    const objectives = [latency, minimize].map((metric) => ({ metric, direction: 'min' as const }))
    const shown = { objectives, bounds: [], group_by, pricing, quality_dataset, resamples, seed }
    const all = frontierOf(candidates, { ...shown, rule: 'textbook' })
    return recommendationSpec(all, answer, bounds)
  }
  return { answer, chart }
}
