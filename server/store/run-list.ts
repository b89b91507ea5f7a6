import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import type { RunRow, Tables } from './tables.ts'

/** Columns by which lists filter for equality; a list of values is "or". */
export const TEXT_FILTERS = [
  'source',
  'study_id',
  'experiment_key',
  'task',
  'model',
  'engine',
  'gpu_model',
  'precision',
  'host',
  'site',
  'name',
  'state',
  'outcome',
] as const
export const NUMBER_FILTERS = ['num_gpus', 'batch_limit', 'tensor_parallel'] as const
/** Columns by which lists sort, beside every metric. */
export const SORT_COLUMNS = [
  'created_at',
  'started_at',
  'sealed_at',
  'name',
  'model',
  'engine',
  'gpu_model',
  'num_gpus',
  'host',
] as const

export interface RunListQuery {
  readonly text: Partial<Record<(typeof TEXT_FILTERS)[number], readonly string[]>>
  readonly number: Partial<Record<(typeof NUMBER_FILTERS)[number], readonly number[]>>
  readonly valid: boolean | null
  readonly exclude_cautions: boolean
  readonly archived: 'exclude' | 'include' | 'only'
  /** Each `KEY=VALUE` or `KEY`; one of them is enough. */
  readonly tags: readonly { readonly key: string; readonly value: string | null }[]
  readonly started_from: string | null
  readonly started_to: string | null
  readonly metrics: readonly {
    readonly metric: string
    readonly bound: 'min' | 'max'
    readonly limit: number
  }[]
  /** A column of SORT_COLUMNS or a metric. */
  readonly sort: string
  readonly descending: boolean
  readonly limit: number
  readonly after: Position | null
}

/** Where the next page begins: after this row in the order of the query. */
export interface Position {
  readonly value: string | number | null
  readonly run_id: string
}

export interface RunListRow extends RunRow {
  readonly valid: number | null
  readonly cautions: number | null
  readonly summary_json: string | null
  readonly sort_value: string | number | null
}

/** Does the query look at derived numbers, so that each sealed run needs its summary first? */
export const needsSummaries = (query: RunListQuery): boolean =>
  query.valid !== null ||
  query.exclude_cautions ||
  query.metrics.length > 0 ||
  !(SORT_COLUMNS as readonly string[]).includes(query.sort)

/** One page of runs. Rows without the value sorted by come last. */
export async function listRuns(db: Kysely<Tables>, query: RunListQuery): Promise<RunListRow[]> {
  const byColumn = (SORT_COLUMNS as readonly string[]).includes(query.sort)
  const value = byColumn
    ? sql.ref<string | number | null>(`run.${query.sort}`)
    : sql.ref<number | null>('ordering.value')
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

type Filterable = ExpressionBuilder<
  Tables & { summary: Nullable<Tables['summary']> },
  'run' | 'summary'
>
type Nullable<T> = { [K in keyof T]: T[K] | null }

/** The query's filters, for any query over `run` with its `summary` joined to the left. */
function conditions(eb: Filterable, query: RunListQuery): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = []
  for (const column of TEXT_FILTERS) {
    const values = query.text[column]
    if (values) all.push(eb(`run.${column}`, 'in', values as never[]))
  }
  for (const column of NUMBER_FILTERS) {
    const values = query.number[column]
    if (values) all.push(eb(`run.${column}`, 'in', [...values]))
  }
  if (query.valid !== null) all.push(eb('summary.valid', '=', query.valid ? 1 : 0))
  if (query.exclude_cautions) all.push(eb('summary.cautions', '=', 0))
  if (query.archived !== 'include')
    all.push(eb('run.archived', '=', query.archived === 'only' ? 1 : 0))
  if (query.started_from !== null) all.push(eb('run.started_at', '>=', query.started_from))
  if (query.started_to !== null) all.push(eb('run.started_at', '<=', query.started_to))
  if (query.tags.length > 0) all.push(eb.or(query.tags.map((tag) => hasTag(eb, tag))))
  for (const { metric, bound, limit } of query.metrics)
    all.push(
      eb.exists(
        eb
          .selectFrom('summary_metric as m')
          .select('m.metric')
          .whereRef('m.run_id', '=', 'run.run_id')
          .where('m.analysis_version', '=', ANALYSIS_VERSION)
          .where('m.metric', '=', metric)
          .where('m.value', bound === 'min' ? '>=' : '<=', limit),
      ),
    )
  return all
}

function hasTag(eb: Filterable, tag: { readonly key: string; readonly value: string | null }) {
  let q = eb
    .selectFrom('run_tag as t')
    .select('t.key')
    .whereRef('t.run_id', '=', 'run.run_id')
    .where('t.key', '=', tag.key)
  if (tag.value !== null) q = q.where('t.value', '=', tag.value)
  return eb.exists(q)
}

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
