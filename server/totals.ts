import { totals } from '../analysis/cost/totals.ts'
import type { Scenario } from '../analysis/schema/scenario.ts'
import type { SiteTable } from '../analysis/schema/sites.ts'
import type { ScenarioUsed, SitesUsed } from '../analysis/schema/stored.ts'
import type { Totals } from '../analysis/schema/totals.ts'
import { intensityTables } from './intensity-tables.ts'
import { fillRunEnergies } from './run-energies.ts'
import type { Store } from './store/open.ts'
import type { RunListQuery } from './store/run-filter.ts'
import { notCounted, totalsRows } from './store/totals-rows.ts'
import type { Summaries } from './summaries.ts'

export interface TotalsAsked {
  readonly by: readonly string[]
  readonly filters: RunListQuery
  readonly scenario: Scenario
  readonly sites: SiteTable | null
  /** The stored scenario and table that these are of; absent: they are of none. */
  readonly scenario_stored?: ScenarioUsed
  readonly sites_stored?: SitesUsed
}

/** Totals of what is stored. The first one computes the energy of each run; those after it add what is kept. */
export async function totalsStored(
  store: Store,
  summaries: Summaries,
  asked: TotalsAsked,
  now: () => string,
): Promise<{ readonly totals: Totals; readonly run_ids: ReadonlySet<string> }> {
  await fillRunEnergies(store, summaries, now)
  const tables = await intensityTables()
  const rows = totalsRows(store, asked.filters, asked.by, asked.sites !== null)
  const { run_ids, ...sums } = totals(rows, { ...asked, tables })
  const { scenario_stored, sites_stored } = asked
  return {
    run_ids,
    totals: {
      ...sums,
      runs: { counted: run_ids.size, ...(await notCounted(store.db, asked.filters)) },
      ...(scenario_stored === undefined ? {} : { scenario_stored }),
      ...(sites_stored === undefined ? {} : { sites_stored }),
    },
  }
}
