import { type Kysely, sql } from 'kysely'
import type { RunOutcome } from '../../analysis/schema/run.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import type { Tables } from './tables.ts'

const BATCH = 500

/**
 * The validity of many runs, by id, from their stored summaries: of these only codes are read, as a summary is a hundred
 * times larger. A run without a summary is absent.
 */
export async function runValidities(
  db: Kysely<Tables>,
  run_ids: readonly string[],
): Promise<Map<string, RunValidity>> {
  const codes = (severity: 'invalid' | 'caution') =>
    sql<string>`(select json_group_array(distinct json_extract(f.value, '$.code'))
      from json_each(summary.json, '$.findings') as f
      where json_extract(f.value, '$.severity') = ${severity})`
  const found = new Map<string, RunValidity>()
  for (let i = 0; i < run_ids.length; i += BATCH) {
    const rows = await db
      .selectFrom('run')
      .innerJoin('summary', 'summary.run_id', 'run.run_id')
      .where('summary.analysis_version', '=', ANALYSIS_VERSION)
      .where('run.run_id', 'in', run_ids.slice(i, i + BATCH))
      .select(['run.run_id', 'run.outcome', 'run.reason', 'summary.valid'])
      .select([codes('invalid').as('invalid'), codes('caution').as('cautions')])
      .execute()
    for (const { run_id, outcome, reason, valid, invalid, cautions } of rows)
      found.set(run_id, {
        run_id,
        valid: valid === 1,
        outcome: outcome as RunOutcome | null,
        reason,
        invalid: JSON.parse(invalid),
        cautions: JSON.parse(cautions),
      })
  }
  return found
}
