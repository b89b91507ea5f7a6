import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { factOf } from '../../analysis/schema/fact.ts'
import { factFilters, type RunListQuery, setsWith } from './run-filter.ts'
import type { Tables } from './tables.ts'

type Filterable = ExpressionBuilder<Tables, 'result'>

/**
 * The query's filters over `result`. A filter by what no result has (host, study, tag, start) lets none through, and
 * results know no archive.
 */
export function resultConditions(eb: Filterable, query: RunListQuery): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = []
  for (const [name, values] of factFilters(query)) {
    const { of, column } = factOf(name) ?? {}
    if (of === 'run') all.push(eb.lit(false))
    else if (column === 'both') all.push(eb(`result.${name as 'model'}`, 'in', values as never[]))
    else all.push(eb('result.value_set_id', 'in', setsWith(name, values.map(String))))
  }
  for (const [path, values] of Object.entries(query.configured))
    all.push(eb('result.value_set_id', 'in', setsWith(path, values)))
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
