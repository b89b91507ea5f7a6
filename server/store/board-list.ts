import { type Kysely, sql } from 'kysely'
import { precisionName, shortGpuName } from '../../analysis/schema/alike-names.ts'
import { factOf } from '../../analysis/schema/fact.ts'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { resultConditions } from './result-filter.ts'
import { conditions, orderOf, type RunListQuery } from './run-filter.ts'
import { sortValue } from './run-list.ts'
import type { Tables } from './tables.ts'

/** One row of a page over runs and results together, by id; `local`: a run. */
export interface BoardEntry {
  readonly id: string
  readonly local: number
  readonly sort_value: string | number | null
}

/**
 * One page of finished runs and results in one order. Rows without the value sorted by come last.
 * @param revisions only results of these; null: all, runs too
 */
export async function listBoard(
  db: Kysely<Tables>,
  query: RunListQuery,
  revisions: readonly string[] | null,
): Promise<BoardEntry[]> {
  let q = db.selectFrom(entries(db, query, revisions).as('board')).selectAll()
  const { after } = query
  const beyond = sql.raw(query.descending ? '<' : '>')
  if (after !== null)
    q = q.where(
      after.value === null
        ? sql<boolean>`sort_value is null and id ${beyond} ${after.run_id}`
        : sql<boolean>`(sort_value is null or sort_value ${beyond} ${after.value}
            or (sort_value = ${after.value} and id ${beyond} ${after.run_id}))`,
    )
  const direction = query.descending ? 'desc' : 'asc'
  return q
    .orderBy(sql`case when sort_value is null then 1 else 0 end`)
    .orderBy('sort_value', direction)
    .orderBy('id', direction)
    .limit(query.limit)
    .execute()
}

/** How many rows the query's filters let through. */
export async function countBoard(
  db: Kysely<Tables>,
  query: RunListQuery,
  revisions: readonly string[] | null,
): Promise<number> {
  const { n } = await db
    .selectFrom(entries(db, query, revisions).as('board'))
    .select((eb) => eb.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow()
  return Number(n)
}

/** Runs and results that the filters let through, each with the value sorted by. */
function entries(db: Kysely<Tables>, query: RunListQuery, revisions: readonly string[] | null) {
  const order = orderOf(query.sort)
  const runValue = sortValue(query.sort)
  const { column, result_column } = factOf(query.sort) ?? {}
  const theirs = result_column ?? (column === 'both' ? query.sort : undefined)
  const resultValue =
    order !== 'column'
      ? runValue
      : theirs === undefined
        ? sql<null>`null`
        : sql.ref<string | number | null>(`result.${theirs}`)
  const runs = db
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
    .select(['run.run_id as id', sql<number>`1`.as('local')])
    .select(runValue.$castTo<string | number | null>().as('sort_value'))
    .where('run.state', '=', 'sealed')
    // One without a summary is one whose rows can't be read.
    .where('summary.run_id', 'is not', null)
    .where((eb) => eb.and(conditions(eb, query)))
    .$if(revisions !== null, (q) => q.where((eb) => eb.lit(false)))
  const results = db
    .selectFrom('result')
    .leftJoin('result_metric as ordering', (j) =>
      j.onRef('ordering.result_id', '=', 'result.result_id').on('ordering.metric', '=', query.sort),
    )
    .leftJoin('value_set_value as ordering_value', (j) =>
      j
        .onRef('ordering_value.value_set_id', '=', 'result.value_set_id')
        .on('ordering_value.path', '=', query.sort),
    )
    .select(['result.result_id as id', sql<number>`0`.as('local')])
    .select(resultValue.$castTo<string | number | null>().as('sort_value'))
    .where((eb) => eb.and(resultConditions(eb, query)))
    .$if(revisions !== null, (q) => q.where('result.revision', 'in', [...(revisions ?? [])]))
  return runs.unionAll(results)
}

/**
 * The query with GPU models and precisions widened to every name by which runs and results call the same: H100 also
 * lets through what a driver calls NVIDIA H100 80GB HBM3.
 */
export async function withAlikeNames(
  db: Kysely<Tables>,
  query: RunListQuery,
): Promise<RunListQuery> {
  const { gpu_model, precision } = query.facts
  if (gpu_model === undefined && precision === undefined) return query
  return {
    ...query,
    facts: {
      ...query.facts,
      ...(gpu_model && {
        gpu_model: await alike(db, 'gpu_model', gpu_model.map(String), shortGpuName),
      }),
      ...(precision && {
        precision: await alike(db, 'precision', precision.map(String), precisionName),
      }),
    },
  }
}

/** The names given, and every stored one that is short for the same. */
export async function alike(
  db: Kysely<Tables>,
  column: 'gpu_model' | 'precision',
  given: readonly string[],
  short: (name: string | null) => string | null,
): Promise<string[]> {
  const rows = await db
    .selectFrom('run')
    .select(`${column} as name`)
    .distinct()
    .union(db.selectFrom('result').select(`${column} as name`).distinct())
    .execute()
  const wanted = new Set(given.map((g) => short(g)?.toLowerCase()))
  const names = rows.flatMap(({ name }) =>
    name !== null && wanted.has(short(name)?.toLowerCase()) ? [name] : [],
  )
  return [...new Set([...given, ...names])]
}
