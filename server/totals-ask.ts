import { scenarioAsked } from './scenario-asked.ts'
import { ScenarioError } from './scenario-file.ts'
import type { ScenarioBase } from './scenarios.ts'
import type { Store } from './store/open.ts'
import { asSitesBase, type SitesBase, storedSites } from './stored-sites.ts'
import type { TotalsAsked } from './totals.ts'
import type { TotalsQuery } from './totals-query.ts'

/**
 * What totals are asked for: the parameters put over a scenario, fetched factors in their place, stored sites where they
 * are named.
 * @throws ScenarioError, NotStored
 */
export async function totalsAsked(
  store: Store,
  { by, filters, said, sites: named }: TotalsQuery,
  base: ScenarioBase | null,
  given: SitesBase | null,
  today: string,
): Promise<TotalsAsked> {
  if (named !== null && given !== null)
    throw new ScenarioError('the question', [
      {
        path: 'sites',
        message: 'names the stored table beside the one in the body; give one of both',
      },
    ])
  const sites = named === null ? given : asSitesBase(await storedSites(store, named))
  const asked = await scenarioAsked(store, said, base, today)
  return {
    by,
    filters,
    ...asked,
    sites: sites?.table ?? null,
    ...(sites === null || sites.stored === null ? {} : { sites_stored: sites.stored }),
  }
}
