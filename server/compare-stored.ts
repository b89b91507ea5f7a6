import { type Aggregate, aggregateRuns } from '../analysis/comparing/aggregate.ts'
import { compareRuns, compareStudy } from '../analysis/comparing/compare.ts'
import { resolvedExperiment } from '../analysis/readings/run-data.ts'
import type { Comparison, StudyComparison } from '../analysis/schema/comparison.ts'
import type { RunValidity } from '../analysis/schema/run-validity.ts'
import type { Summary } from '../analysis/schema/summary.ts'
import { readRunFile } from './run-file.ts'
import { validityOf } from './run-validity.ts'
import type { Store } from './store/open.ts'
import type { RunRow } from './store/tables.ts'
import type { Summaries } from './summaries.ts'

/** Two runs metric by metric; more: their experiments ranked. */
export async function compareStored(
  summaries: Summaries,
  rows: readonly RunRow[],
): Promise<Comparison | StudyComparison> {
  const all: Summary[] = []
  const validity: RunValidity[] = []
  for (const row of rows) {
    const summary = await summaries.of(row)
    all.push(summary)
    validity.push(validityOf(row, summary))
  }
  const configurations = rows.map(configurationOf)
  const [a, b] = all
  if (all.length === 2 && a && b) {
    const two = compareRuns(a, b, [configurations[0] ?? {}, configurations[1] ?? {}])
    return { ...two, validity }
  }
  const experiments = rows.map((row, i) => ({
    experiment_key: row.experiment_key,
    experiment: configurations[i] ?? {},
  }))
  return { ...compareStudy(all, experiments), validity }
}

/** One experiment over its sealed, not archived runs. null: there is none. */
export async function summariseExperiment(
  store: Store,
  summaries: Summaries,
  experiment_key: string,
): Promise<Aggregate | null> {
  const rows = await store.db
    .selectFrom('run')
    .selectAll()
    .where('experiment_key', '=', experiment_key)
    .where('state', '=', 'sealed')
    .where('archived', '=', 0)
    .orderBy('created_at')
    .execute()
  const all: Summary[] = []
  for (const row of rows) all.push(await summaries.of(row))
  return all.length === 0 ? null : aggregateRuns(all)
}

function configurationOf(row: RunRow): Readonly<Record<string, unknown>> {
  return resolvedExperiment(readRunFile(Buffer.from(row.run_json)).file.run.experiment)
}
