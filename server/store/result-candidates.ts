import type { Kysely } from 'kysely'
import type { Result } from '../../analysis/schema/result.ts'
import { resultConditions } from './result-filter.ts'
import { resultOf } from './result-payload.ts'
import type { RunListQuery } from './run-filter.ts'
import type { Tables } from './tables.ts'

/**
 * The results that a query's filters let through, whole; sort and page are not applied.
 * Results only: runs are listed by `run-list.ts`, and `server/candidates.ts` has both.
 */
export async function resultCandidates(db: Kysely<Tables>, query: RunListQuery): Promise<Result[]> {
  const rows = await db
    .selectFrom('result')
    .select('payload')
    .where((eb) => eb.and(resultConditions(eb, query)))
    .orderBy('result_id')
    .execute()
  return rows.map(resultOf)
}
