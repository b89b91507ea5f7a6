import type { MetricValue } from '../analysis/schema/summary.ts'
import { writeCursor } from './run-query.ts'
import { tagsOf } from './store/annotate.ts'
import type { Store } from './store/open.ts'
import { RUN_FACTS } from './store/run-facts.ts'
import { needsSummaries, type RunListQuery } from './store/run-filter.ts'
import { listRuns, type RunListRow } from './store/run-list.ts'
import { parseSummary } from './store/summary-json.ts'
import type { RunFacts, RunRow } from './store/tables.ts'
import type { Summaries } from './summaries.ts'

/** A run without its rows, as lists and `/runs/{run_id}` show it. */
export interface RunView extends RunFacts {
  readonly run_id: string
  readonly source: string
  readonly state: 'open' | 'sealed'
  readonly outcome: string | null
  readonly reason: string | null
  readonly created_at: string
  readonly sealed_at: string | null
  readonly note: string | null
  readonly archived: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** A row of a list: with its validity and the few numbers that one looks for first. null: not computed yet. */
export interface RunListView extends RunView {
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

export function runView(row: RunRow, tags: Readonly<Record<string, string>>): RunView {
  const facts = Object.fromEntries(RUN_FACTS.map((f) => [f, row[f]])) as unknown as RunFacts
  return {
    run_id: row.run_id,
    source: row.source,
    state: row.state,
    outcome: row.outcome,
    reason: row.reason,
    ...facts,
    created_at: row.created_at,
    sealed_at: row.sealed_at,
    note: row.note,
    archived: row.archived === 1,
    tags,
  }
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
  const tags = await tagsOf(
    store.db,
    page.map((r) => r.run_id),
  )
  const last = page.at(-1)
  return {
    runs: page.map((row) => ({
      ...runView(row, tags.get(row.run_id) ?? {}),
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
