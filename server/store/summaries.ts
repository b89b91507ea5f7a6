import type { Kysely } from 'kysely'
import { toJson } from '../../analysis/schema/json.ts'
import { ANALYSIS_VERSION, type Summary } from '../../analysis/schema/summary.ts'
import { parseSummary } from './summary-json.ts'
import type { Tables } from './tables.ts'

/** The cached summary of a run under this program's formulas, if there is one. */
export async function cachedSummary(db: Kysely<Tables>, run_id: string): Promise<Summary | null> {
  const row = await db
    .selectFrom('summary')
    .select('json')
    .where('run_id', '=', run_id)
    .where('analysis_version', '=', ANALYSIS_VERSION)
    .executeTakeFirst()
  return row ? parseSummary(row.json) : null
}

/** Keeps a summary, with its numbers where lists can filter and sort by them. Call it within a transaction. */
export async function cacheSummary(
  db: Kysely<Tables>,
  summary: Summary,
  now: string,
): Promise<void> {
  const key = { run_id: summary.run_id, analysis_version: ANALYSIS_VERSION }
  await db.deleteFrom('summary').where('run_id', '=', summary.run_id).execute()
  await db
    .insertInto('summary')
    .values({
      ...key,
      valid: summary.valid ? 1 : 0,
      cautions: summary.findings.filter((f) => f.severity === 'caution').length,
      computed_at: now,
      json: toJson(summary),
    })
    .execute()
  const values = Object.entries(summary.metrics).flatMap(([metric, { value }]) =>
    value === null ? [] : [{ ...key, metric, value }],
  )
  for (let i = 0; i < values.length; i += ROWS_AT_ONCE)
    await db
      .insertInto('summary_metric')
      .values(values.slice(i, i + ROWS_AT_ONCE))
      .execute()
}

const ROWS_AT_ONCE = 100

/** Sealed runs that have no summary under this program's formulas yet. */
export async function runsWithoutSummary(db: Kysely<Tables>): Promise<string[]> {
  const rows = await db
    .selectFrom('run')
    .leftJoin('summary', (j) =>
      j
        .onRef('summary.run_id', '=', 'run.run_id')
        .on('summary.analysis_version', '=', ANALYSIS_VERSION),
    )
    .select('run.run_id')
    .where('run.state', '=', 'sealed')
    .where('summary.run_id', 'is', null)
    .orderBy('run.created_at')
    .execute()
  return rows.map((r) => r.run_id)
}
