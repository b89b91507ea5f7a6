import type { Scenario } from '../analysis/schema/scenario.ts'
import type { ScenarioUsed } from '../analysis/schema/stored.ts'
import { type ScenarioQuery, scenarioFrom } from './cost-query.ts'
import { keptSeries } from './grid-factors.ts'
import { ScenarioError } from './scenario-file.ts'
import { baseAsked, type ScenarioBase, usedScenario } from './scenarios.ts'
import type { Store } from './store/open.ts'

export interface ScenarioAsked {
  readonly scenario: Scenario
  /** The stored one that it rests on; absent: none. */
  readonly scenario_stored?: ScenarioUsed
}

/**
 * What was said, put over the stored scenario that it names or over a given one, with fetched factors in their place;
 * `given` null: over nothing.
 * @param today the date of prices that are given without one, YYYY-MM-DD
 * @throws ScenarioError, NotStored
 */
export async function scenarioAsked(
  store: Store,
  said: ScenarioQuery,
  given: ScenarioBase | null,
  today: string,
): Promise<ScenarioAsked> {
  const place = (['zone', 'cloud_region', 'g_per_kwh'] as const).find((k) => said[k] !== undefined)
  if (said.series !== undefined && place !== undefined)
    throw new ScenarioError('the scenario', [
      { path: 'series', message: `is given beside ${place}; give one of both` },
    ])
  const base = await baseAsked(store, said, given)
  const used = usedScenario(base, said)
  const scenario = scenarioFrom(said, base?.scenario ?? null, today)
  if (said.series === undefined) return { scenario, ...used }
  const series = await keptSeries(store, said.series.provider, said.series.zone)
  const intensity = { series, gap: 'null' as const, zone: null, year: null }
  return { scenario: { ...scenario, intensity }, ...used }
}
