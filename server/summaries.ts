import { setImmediate } from 'node:timers/promises'
import type { RunData } from '../analysis/readings/run-data.ts'
import type { Summary } from '../analysis/schema/summary.ts'
import { summarise } from '../analysis/summary.ts'
import { loadRun, RunUnreadable } from './load-run.ts'
import { createRequestEnergies, type RequestEnergyOf } from './request-energies.ts'
import { findRun } from './store/find-run.ts'
import type { Store } from './store/open.ts'
import { cachedSummary, cacheSummary, runsWithoutSummary } from './store/summaries.ts'
import type { RunRow } from './store/tables.ts'

export interface Summaries {
  /** @throws RunUnreadable */
  of(row: RunRow): Promise<Summary>
  /** Both the rows and the summary. @throws RunUnreadable */
  withRun(row: RunRow): Promise<{ run: RunData; summary: Summary }>
  /** What each request took of the energy. @throws RunUnreadable */
  requestEnergies(row: RunRow): Promise<RequestEnergyOf>
  /** Computes what lists filter and sort by, for each sealed run that lacks it. */
  fill(): Promise<void>
}

/**
 * Summaries on demand: of a sealed run computed once under these formulas and kept, of an open one each time anew.
 * Not computed unasked: the next run may be measuring on this machine.
 */
export function createSummaries(
  store: Store,
  now: () => string,
  log: (line: string) => void,
): Summaries {
  const running = new Map<string, Promise<Summary>>()

  async function withRun(row: RunRow) {
    const run = await loadRun(store, row)
    const cached = row.state === 'sealed' ? await cachedSummary(store.db, row.run_id) : null
    const summary = cached ?? summarise(run)
    if (cached === null && row.state === 'sealed')
      await store.db.transaction().execute((tx) => cacheSummary(tx, summary, now()))
    return { run, summary }
  }

  async function of(row: RunRow): Promise<Summary> {
    if (row.state === 'open') return (await withRun(row)).summary
    const cached = await cachedSummary(store.db, row.run_id)
    if (cached !== null) return cached
    const under_way = running.get(row.run_id)
    if (under_way) return under_way
    const work = withRun(row)
      .then((r) => r.summary)
      .finally(() => running.delete(row.run_id))
    running.set(row.run_id, work)
    return work
  }

  async function fill(): Promise<void> {
    for (const run_id of await runsWithoutSummary(store.db)) {
      // SQLite gives its rows at once: without this nobody else were served until the last run is computed.
      await setImmediate()
      try {
        await of(await findRun(store.db, run_id))
      } catch (error) {
        if (!(error instanceof RunUnreadable)) throw error
        log(error.message)
      }
    }
  }

  return { of, withRun, requestEnergies: createRequestEnergies(store), fill }
}
