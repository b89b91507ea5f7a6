import type { Scenario } from '../analysis/schema/scenario.ts'
import type { SiteTable } from '../analysis/schema/sites.ts'
import { scenarioAsked } from './scenario-asked.ts'
import type { Store } from './store/open.ts'
import type { TotalsAsked } from './totals.ts'
import type { TotalsQuery } from './totals-query.ts'

/**
 * What totals are asked for: the parameters put over a scenario, fetched factors in their place.
 * @throws ScenarioError
 */
export async function totalsAsked(
  store: Store,
  { by, filters, said }: TotalsQuery,
  base: Scenario | null,
  sites: SiteTable | null,
  today: string,
): Promise<TotalsAsked> {
  return { by, filters, sites, scenario: await scenarioAsked(store, said, base, today) }
}
