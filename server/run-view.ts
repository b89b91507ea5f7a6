import type { Kysely } from 'kysely'
import { type ConfiguredValue, isConfiguredPath } from '../analysis/schema/configured.ts'
import {
  RUN_COLUMNS,
  RUN_FACTS,
  type RunColumn,
  type RunFactName,
  type RunValues,
} from '../analysis/schema/fact.ts'
import { labelledValues, runLabels, varyingPaths } from '../analysis/schema/label.ts'
import type { MetricValue } from '../analysis/schema/summary.ts'
import { writeCursor } from './run-query.ts'
import { tagsOf } from './store/annotate.ts'
import type { Store } from './store/open.ts'
import { needsSummaries, type RunListQuery } from './store/run-filter.ts'
import { listRuns, type RunListRow } from './store/run-list.ts'
import { parseSummary } from './store/summary-json.ts'
import type { RunRow, Tables } from './store/tables.ts'
import { readValueSets, type Values } from './store/value-sets.ts'
import type { Summaries } from './summaries.ts'

/** A run without its rows, as lists and `/runs/{run_id}` show it. */
export interface RunView extends RunValues<RunFactName> {
  readonly run_id: string
  readonly archived: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** A row of a list: with its validity and the few numbers that one looks for first. null: not computed yet. */
export interface RunListView extends RunView {
  /** What to call it beside the other rows. */
  readonly label: string
  /** The configured values that differ among the rows, and those of the query. */
  readonly configured: Readonly<Record<string, ConfiguredValue>>
  readonly valid: boolean | null
  readonly cautions: number | null
  readonly metrics: Readonly<Record<string, MetricValue>> | null
}

/** The numbers in each row of a list, beside the one sorted by. */
export const LIST_METRICS = [
  'energy_per_output_token_j',
  'energy_per_request_j',
  'power_mean_w',
  'output_throughput_tok_s',
  'ttft_ms_p50',
  'itl_ms_p50',
] as const

/** @param values of its set: configured ones, and facts without a column */
export function runView(
  row: RunRow,
  tags: Readonly<Record<string, string>>,
  values: Values,
): RunView {
  const facts = Object.fromEntries(
    RUN_FACTS.map((f) => [f, isColumn(f) ? row[f] : (values.get(f) ?? null)]),
  ) as unknown as RunValues<RunFactName>
  return { run_id: row.run_id, ...facts, archived: row.archived === 1, tags }
}

const isColumn = (name: RunFactName): name is RunColumn => RUN_COLUMNS.some((c) => c === name)

/** One run, with its tags and values looked up. */
export async function viewOf(db: Kysely<Tables>, row: RunRow): Promise<RunView> {
  const [view] = await viewsOf(db, [row])
  return (view as ViewedRun).view
}

export interface ViewedRun {
  readonly view: RunView
  /** Configured values by path, and facts without a column. */
  readonly values: Values
  readonly label: string
}

/** Runs beside one another, each with its label among them. */
export async function viewsOf(db: Kysely<Tables>, rows: readonly RunRow[]): Promise<ViewedRun[]> {
  const tags = await tagsOf(
    db,
    rows.map((r) => r.run_id),
  )
  const sets = await readValueSets(
    db,
    rows.map((r) => r.value_set_id),
  )
  const viewed = rows.map((row) => {
    const values: Values = sets.get(row.value_set_id ?? -1) ?? new Map()
    return { view: runView(row, tags.get(row.run_id) ?? {}, values), values }
  })
  const labels = runLabels(
    viewed.map(({ view, values }) => ({
      name: view.name,
      values: labelledValues(values),
      facts: view,
    })),
  )
  return viewed.map((v, i) => ({ ...v, label: labels[i] as string }))
}

/** One page of runs with the cursor of the next, or null where this was the last. */
export async function listView(
  store: Store,
  summaries: Summaries,
  query: RunListQuery,
): Promise<{ runs: RunListView[]; next_cursor: string | null }> {
  if (needsSummaries(query)) await summaries.fill()
  const rows = await listRuns(store.db, { ...query, limit: query.limit + 1 })
  const page = rows.slice(0, query.limit)
  const viewed = await viewsOf(store.db, page)
  const shown = [
    ...varyingPaths(viewed.map((v) => v.values)),
    ...Object.keys(query.configured),
    query.sort,
  ].filter(isConfiguredPath)
  const last = page.at(-1)
  return {
    runs: page.map((row, i) => ({
      ...(viewed[i] as ViewedRun).view,
      label: (viewed[i] as ViewedRun).label,
      configured: chosenValues((viewed[i] as ViewedRun).values, shown),
      valid: row.valid === null ? null : row.valid === 1,
      cautions: row.cautions,
      metrics: listMetrics(row, query.sort),
    })),
    next_cursor:
      rows.length > page.length && last
        ? writeCursor(query, { value: last.sort_value, run_id: last.run_id })
        : null,
  }
}

function listMetrics(row: RunListRow, sort: string): Record<string, MetricValue> | null {
  if (row.summary_json === null) return null
  const { metrics } = parseSummary(row.summary_json)
  return Object.fromEntries(
    [...LIST_METRICS, sort].flatMap((id) => {
      const value = metrics[id]
      return value ? [[id, value]] : []
    }),
  )
}

const chosenValues = (values: Values, paths: readonly string[]) =>
  Object.fromEntries(
    [...new Set(paths)].sort().flatMap((path) => {
      const value = values.get(path)
      return value === undefined ? [] : [[path, value]]
    }),
  )
