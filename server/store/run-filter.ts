import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import { isConfiguredPath } from '../../analysis/schema/configured.ts'
import { type FactName, factOf, RUN_COLUMNS, usedFor } from '../../analysis/schema/fact.ts'
import { ANALYSIS_VERSION } from '../../analysis/schema/summary.ts'
import { hasKey } from './former-keys.ts'
import type { Tables } from './tables.ts'

/** Facts by which lists filter for equality; a list of values is "or". */
export const FILTER_FACTS = usedFor('filter')
/** Facts by which lists sort, beside configured paths and every metric. */
export const SORT_FACTS = usedFor('sort')

export interface RunListQuery {
  readonly facts: Readonly<Partial<Record<FactName, readonly (string | number)[]>>>
  /** By configured path (`load.concurrency`), the values as they are written. */
  readonly configured: Readonly<Record<string, readonly string[]>>
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
  /** A fact of SORT_FACTS, a configured path or a metric. */
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
  orderOf(query.sort) === 'metric'

/** What a list is sorted by. */
export function orderOf(sort: string): 'column' | 'value' | 'metric' {
  if (RUN_COLUMNS.some((c) => c === sort)) return 'column'
  return factOf(sort) !== undefined || isConfiguredPath(sort) ? 'value' : 'metric'
}

type Filterable = ExpressionBuilder<
  Tables & { summary: Nullable<Tables['summary']> },
  'run' | 'summary'
>
type Nullable<T> = { [K in keyof T]: T[K] | null }

/** The query's filters, for any query over `run` with its `summary` joined to the left. */
export function conditions(eb: Filterable, query: RunListQuery): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = []
  for (const [name, values] of factFilters(query)) {
    const column = RUN_COLUMNS.find((c) => c === name)
    if (factOf(name)?.of === 'result') all.push(eb.lit(false))
    else if (column === 'experiment_key')
      all.push(hasKey(eb as unknown as Parameters<typeof hasKey>[0], values.map(String)))
    else if (column) all.push(eb(`run.${column}`, 'in', values as never[]))
    else all.push(eb('run.value_set_id', 'in', setsWith(name, values.map(String))))
  }
  for (const [path, values] of Object.entries(query.configured))
    all.push(eb('run.value_set_id', 'in', setsWith(path, values)))
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

export const factFilters = (query: RunListQuery) =>
  Object.entries(query.facts) as [FactName, readonly (string | number)[]][]

/** The sets that hold one of some values under a path. A number is the same however it is written: 4, 4.0. */
export function setsWith(path: string, values: readonly string[]) {
  const written = values.flatMap((v) => {
    const number = v.trim() === '' ? Number.NaN : Number(v)
    return Number.isFinite(number) ? [v, String(number)] : [v]
  })
  return sql<number>`(select v.value_set_id from value_set_value v
    where v.path = ${path} and v.text in (${sql.join([...new Set(written)])}))`
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
