import { type Aggregate, aggregateRuns } from '../analysis/comparing/aggregate.ts'
import { compareRuns, compareStudy } from '../analysis/comparing/compare.ts'
import { resolvedExperiment } from '../analysis/readings/run-data.ts'
import type { Comparison, StudyComparison } from '../analysis/schema/comparison.ts'
import type { RunValidity } from '../analysis/schema/run-validity.ts'
import type { Summary } from '../analysis/schema/summary.ts'
import { readRunFile } from './run-file.ts'
import { validityOf } from './run-validity.ts'
import { hasKey } from './store/former-keys.ts'
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

/** A former key under which experiments went that differ in a redacted value. */
export class KeyDivided extends Error {
  constructor(former: string, keys: readonly string[]) {
    super(
      `${former} is the former key of ${keys.length} experiments that differ in a redacted value: ${keys.join(', ')}. Give one of these.`,
    )
    this.name = 'KeyDivided'
  }
}

/** One experiment over its sealed, not archived runs. null: there is none. @throws KeyDivided */
export async function summariseExperiment(
  store: Store,
  summaries: Summaries,
  experiment_key: string,
): Promise<Aggregate | null> {
  const rows = await store.db
    .selectFrom('run')
    .selectAll()
    .where((eb) => hasKey(eb, [experiment_key]))
    .where('state', '=', 'sealed')
    .where('archived', '=', 0)
    .orderBy('created_at')
    .execute()
  const keys = [...new Set(rows.map((r) => r.experiment_key))]
  if (keys.length > 1) throw new KeyDivided(experiment_key, keys)
  const all: Summary[] = []
  for (const row of rows) all.push(await summaries.of(row))
  return all.length === 0 ? null : aggregateRuns(all)
}

function configurationOf(row: RunRow): Readonly<Record<string, unknown>> {
  return resolvedExperiment(readRunFile(Buffer.from(row.run_json)).file.run.experiment)
}
