import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
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
  for (const column of TEXT_FILTERS) {
    const values = query.text[column]
    if (values) q = q.where(`run.${column}`, 'in', values as never[])
  }
  for (const column of NUMBER_FILTERS) {
    const values = query.number[column]
    if (values) q = q.where(`run.${column}`, 'in', [...values])
  }
  if (query.valid !== null) q = q.where('summary.valid', '=', query.valid ? 1 : 0)
  if (query.exclude_cautions) q = q.where('summary.cautions', '=', 0)
  if (query.archived !== 'include')
    q = q.where('run.archived', '=', query.archived === 'only' ? 1 : 0)
  if (query.started_from !== null) q = q.where('run.started_at', '>=', query.started_from)
  if (query.started_to !== null) q = q.where('run.started_at', '<=', query.started_to)
  if (query.tags.length > 0) q = q.where((eb) => eb.or(query.tags.map((tag) => hasTag(eb, tag))))
  for (const { metric, bound, limit } of query.metrics)
    q = q.where((eb) =>
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

function hasTag(
  eb: ExpressionBuilder<Tables, 'run'>,
  tag: { readonly key: string; readonly value: string | null },
) {
  let q = eb
    .selectFrom('run_tag as t')
    .select('t.key')
    .whereRef('t.run_id', '=', 'run.run_id')
    .where('t.key', '=', tag.key)
  if (tag.value !== null) q = q.where('t.value', '=', tag.value)
  return eb.exists(q)
}
