import { runEnergy } from '../analysis/energy/run-energy.ts'
import { RunUnreadable } from './load-run.ts'
import { findRun } from './store/find-run.ts'
import type { Store } from './store/open.ts'
import { cacheRunEnergy, runsWithoutEnergy } from './store/run-energies.ts'
import type { Summaries } from './summaries.ts'

/**
 * Computes the energy of each sealed run that lacks it, once: later totals add what is kept.
 * @returns the runs whose rows can't be read
 */
export async function fillRunEnergies(
  store: Store,
  summaries: Summaries,
  now: () => string,
): Promise<readonly string[]> {
  const unreadable: string[] = []
  for (const run_id of await runsWithoutEnergy(store.db))
    try {
      const { run, summary } = await summaries.withRun(await findRun(store.db, run_id))
      const energy = runEnergy(run)
      await store.db.transaction().execute((tx) => cacheRunEnergy(tx, energy, summary.valid, now()))
    } catch (error) {
      if (!(error instanceof RunUnreadable)) throw error
      unreadable.push(run_id)
    }
  return unreadable
}
