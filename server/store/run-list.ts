import { type Kysely, sql } from 'kysely'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { conditions, orderOf, type RunListQuery } from './run-filter.ts'
import type { RunRow, Tables } from './tables.ts'

export interface RunListRow extends RunRow {
  readonly valid: number | null
  readonly cautions: number | null
  readonly summary_json: string | null
  readonly sort_value: string | number | null
}

/** One page of runs. Rows without the value sorted by come last. */
export async function listRuns(db: Kysely<Tables>, query: RunListQuery): Promise<RunListRow[]> {
  const value = sortValue(query.sort)
  let q = db
    .selectFrom('run')
    .leftJoin('summary', (j) =>
      j
        .onRef('summary.run_id', '=', 'run.run_id')
        .on('summary.analysis_version', '=', ANALYSIS_VERSION),
    )
    .leftJoin('summary_metric as ordering', (j) =>
      j
        .onRef('ordering.run_id', '=', 'run.run_id')
        .on('ordering.analysis_version', '=', ANALYSIS_VERSION)
        .on('ordering.metric', '=', query.sort),
    )
    .leftJoin('value_set_value as ordering_value', (j) =>
      j
        .onRef('ordering_value.value_set_id', '=', 'run.value_set_id')
        .on('ordering_value.path', '=', query.sort),
    )
    .selectAll('run')
    .select(['summary.valid', 'summary.cautions', 'summary.json as summary_json'])
    .select(value.as('sort_value'))
  q = q.where((eb) => eb.and(conditions(eb, query)))
  const { after } = query
  const beyond = sql.raw(query.descending ? '<' : '>')
  if (after !== null)
    q = q.where(
      after.value === null
        ? sql<boolean>`${value} is null and run.run_id ${beyond} ${after.run_id}`
        : sql<boolean>`(${value} is null or ${value} ${beyond} ${after.value}
            or (${value} = ${after.value} and run.run_id ${beyond} ${after.run_id}))`,
    )
  const direction = query.descending ? 'desc' : 'asc'
  return q
    .orderBy(sql`case when ${value} is null then 1 else 0 end`)
    .orderBy(value, direction)
    .orderBy('run.run_id', direction)
    .limit(query.limit)
    .execute()
}

/**
 * The value that a list of runs is sorted by, over `ordering` and `ordering_value`, which are joined under the name
 * sorted by. Of configured values numbers come before texts.
 */
export function sortValue(sort: string) {
  const order = orderOf(sort)
  if (order === 'column') return sql.ref<string | number | null>(`run.${sort}`)
  return order === 'metric'
    ? sql.ref<number | null>('ordering.value')
    : sql<string | number | null>`coalesce(ordering_value.number, ordering_value.text)`
}
