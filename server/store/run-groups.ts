import { type Kysely, sql } from 'kysely'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { conditions, type RunListQuery } from './run-filter.ts'
import type { Tables } from './tables.ts'

/** Runs that belong together, by study or by experiment. */
export interface RunGroup {
  readonly key: string
  readonly runs: number
  readonly experiments: number
  readonly first_created_at: string
  readonly last_created_at: string
  readonly name: string | null
  readonly model: string | null
  readonly engine: string | null
}

/** One page of groups of the runs that the query lets through, by their newest run. Name, model and engine only where all agree. */
export async function listGroups(
  db: Kysely<Tables>,
  query: RunListQuery,
  by: 'study_id' | 'experiment_key',
): Promise<RunGroup[]> {
  const key = sql.ref<string>(`run.${by}`)
  const last = sql<string>`max(run.created_at)`
  const agreed = (column: 'name' | 'model' | 'engine') => {
    const ref = sql.ref<string | null>(`run.${column}`)
    return sql<string | null>`case when min(${ref}) = max(${ref}) then min(${ref}) end`.as(column)
  }
  let q = db
    .selectFrom('run')
    .leftJoin('summary', (j) =>
      j
        .onRef('summary.run_id', '=', 'run.run_id')
        .on('summary.analysis_version', '=', ANALYSIS_VERSION),
    )
    .select((eb) => [
      key.as('key'),
      eb.fn.countAll<number>().as('runs'),
      eb.fn.count<number>('run.experiment_key').distinct().as('experiments'),
      eb.fn.min('run.created_at').as('first_created_at'),
      last.as('last_created_at'),
      agreed('name'),
      agreed('model'),
      agreed('engine'),
    ])
    .where((eb) => eb.and(conditions(eb, query)))
    .where(`run.${by}`, 'is not', null)
    .groupBy(`run.${by}`)
  const beyond = sql.raw(query.descending ? '<' : '>')
  const { after } = query
  if (after !== null)
    q = q.having(
      sql<boolean>`(${last} ${beyond} ${after.value} or (${last} = ${after.value} and ${key} ${beyond} ${after.run_id}))`,
    )
  const direction = query.descending ? 'desc' : 'asc'
  const rows = await q.orderBy(last, direction).orderBy(key, direction).limit(query.limit).execute()
  return rows.map((r) => ({ ...r, runs: Number(r.runs), experiments: Number(r.experiments) }))
}
