import type { Scenario } from '../analysis/schema/scenario.ts'
import { type ScenarioQuery, scenarioFrom } from './cost-query.ts'
import { keptSeries } from './grid-factors.ts'
import { ScenarioError } from './scenario-file.ts'
import type { Store } from './store/open.ts'

/**
 * What was said, put over a scenario, with fetched factors in their place; `base` null: over nothing.
 * @param today the date of prices that are given without one, YYYY-MM-DD
 * @throws ScenarioError
 */
export async function scenarioAsked(
  store: Store,
  said: ScenarioQuery,
  base: Scenario | null,
  today: string,
): Promise<Scenario> {
  const place = (['zone', 'cloud_region', 'g_per_kwh'] as const).find((k) => said[k] !== undefined)
  if (said.series !== undefined && place !== undefined)
    throw new ScenarioError('the scenario', [
      { path: 'series', message: `is given beside ${place}; give one of both` },
    ])
  const scenario = scenarioFrom(said, base, today)
  if (said.series === undefined) return scenario
  const series = await keptSeries(store, said.series.provider, said.series.zone)
  return { ...scenario, intensity: { series, gap: 'null', zone: null, year: null } }
}
