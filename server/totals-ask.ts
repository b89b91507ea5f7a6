import type { Scenario } from '../analysis/schema/scenario.ts'
import type { SiteTable } from '../analysis/schema/sites.ts'
import { scenarioFrom } from './cost-query.ts'
import { keptSeries } from './grid-factors.ts'
import { ScenarioError } from './scenario-file.ts'
import type { Store } from './store/open.ts'
import type { TotalsAsked } from './totals.ts'
import type { TotalsQuery } from './totals-query.ts'

/**
 * What totals are asked for: the parameters put over a scenario, fetched factors in their place.
 * @throws ScenarioError
 */
export async function totalsAsked(
  store: Store,
  { by, filters, said, series }: TotalsQuery,
  base: Scenario | null,
  sites: SiteTable | null,
  today: string,
): Promise<TotalsAsked> {
  const place = (['zone', 'cloud_region', 'g_per_kwh'] as const).find((k) => said[k] !== undefined)
  if (series !== null && place !== undefined)
    throw new ScenarioError('the scenario', [
      { path: 'series', message: `is given beside ${place}; give one of both` },
    ])
  const scenario = scenarioFrom(said, base, today)
  return {
    by,
    filters,
    sites,
    scenario:
      series === null
        ? scenario
        : {
            ...scenario,
            intensity: {
              series: await keptSeries(store, series.provider, series.zone),
              gap: 'null',
              zone: null,
              year: null,
            },
          },
  }
}
