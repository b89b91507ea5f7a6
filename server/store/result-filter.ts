import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import type { RunListQuery } from './run-filter.ts'
import type { Tables } from './tables.ts'

/** Fields by which runs and results are filtered alike. */
export const RESULT_FILTERS = [
  'source',
  'task',
  'model',
  'engine',
  'gpu_model',
  'precision',
  'name',
] as const

type Filterable = ExpressionBuilder<Tables, 'result'>

/**
 * The query's filters over `result`. A filter by what no result has (host, study, tag, start) lets none through, and
 * results know no archive.
 */
export function resultConditions(eb: Filterable, query: RunListQuery): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = []
  for (const [column, values] of Object.entries(query.text)) {
    const known = RESULT_FILTERS.find((f) => f === column)
    all.push(known ? eb(`result.${known}`, 'in', [...values]) : eb.lit(false))
  }
  for (const column of ['num_gpus', 'batch_limit', 'tensor_parallel'] as const) {
    const values = query.number[column]
    if (values) all.push(eb(`result.${column}`, 'in', [...values]))
  }
  if (query.valid !== null) all.push(eb('result.valid', '=', query.valid ? 1 : 0))
  if (query.exclude_cautions) all.push(eb('result.cautions', '=', 0))
  if (query.archived === 'only' || query.tags.length > 0) all.push(eb.lit(false))
  if (query.started_from !== null || query.started_to !== null) all.push(eb.lit(false))
  for (const { metric, bound, limit } of query.metrics)
    all.push(
      eb.exists(
        eb
          .selectFrom('result_metric as m')
          .select('m.metric')
          .whereRef('m.result_id', '=', 'result.result_id')
          .where('m.metric', '=', metric)
          .where('m.value', bound === 'min' ? '>=' : '<=', limit),
      ),
    )
  return all
}
