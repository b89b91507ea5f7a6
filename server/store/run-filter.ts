import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { hasKey } from './former-keys.ts'
import type { Tables } from './tables.ts'

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

/** Does the query look at derived numbers, so that each sealed run needs its summary first? */
export const needsSummaries = (query: RunListQuery): boolean =>
  query.valid !== null ||
  query.exclude_cautions ||
  query.metrics.length > 0 ||
  !(SORT_COLUMNS as readonly string[]).includes(query.sort)

type Filterable = ExpressionBuilder<
  Tables & { summary: Nullable<Tables['summary']> },
  'run' | 'summary'
>
type Nullable<T> = { [K in keyof T]: T[K] | null }

/** The query's filters, for any query over `run` with its `summary` joined to the left. */
export function conditions(eb: Filterable, query: RunListQuery): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = []
  for (const column of TEXT_FILTERS) {
    const values = query.text[column]
    if (!values) continue
    if (column === 'experiment_key')
      all.push(hasKey(eb as unknown as Parameters<typeof hasKey>[0], values))
    else all.push(eb(`run.${column}`, 'in', values as never[]))
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
