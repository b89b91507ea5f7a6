import { type BoardValue, type OwnRun, placement } from '../analysis/comparing/placement.ts'
import { precisionName, shortGpuName } from '../analysis/schema/alike-names.ts'
import {
  type CommonFact,
  RESULT_FACTS,
  type ResultFactName,
  type ResultValues,
} from '../analysis/schema/fact.ts'
import { SEVERITIES } from '../analysis/schema/finding.ts'
import type { BoardRow, Placement } from '../analysis/schema/leaderboard.ts'
import type { Result } from '../analysis/schema/result.ts'
import { RESULT_METRICS } from '../analysis/schema/result-metric.ts'
import type { Summary } from '../analysis/schema/summary.ts'
import type { LeaderboardQuery } from './leaderboard-query.ts'
import { writeCursor } from './run-query.ts'
import { type BoardEntry, countBoard, listBoard, withAlikeNames } from './store/board-list.ts'
import { findRun } from './store/find-run.ts'
import type { Store } from './store/open.ts'
import { placementRows } from './store/placement-rows.ts'
import { findResult } from './store/results.ts'
import type { RunRow } from './store/tables.ts'
import type { Summaries } from './summaries.ts'

/** The numbers in each row, beside the ones sorted and filtered by. */
const BOARD_METRICS = [
  'energy_per_output_token_j',
  'energy_per_request_j',
  'power_mean_w',
  'output_throughput_tok_s',
  'ttft_ms_p50',
  'ttft_ms_p99',
  'itl_ms_p50',
  'itl_ms_p90',
  'itl_ms_p95',
  'itl_ms_p99',
  'tpot_ms_p50',
  'e2e_ms_p50',
  ...Object.keys(RESULT_METRICS),
]

export interface Leaderboard {
  readonly rows: readonly BoardRow[]
  /** By which runs of ours are placed. */
  readonly metric: string
  /** Rows that the same filters let through and that are not valid: never ranked, listed by `valid=false`. */
  readonly invalid: number
  readonly next_cursor: string | null
}

/** One page of valid runs and results together, each run of ours with its place among published rows. */
export async function leaderboard(
  store: Store,
  summaries: Summaries,
  asked: LeaderboardQuery,
): Promise<Leaderboard> {
  await summaries.fill()
  const { metric, revisions } = asked
  const query = await withAlikeNames(store.db, asked.query)
  const valid = query.valid ?? true
  const entries = await listBoard(store.db, { ...query, valid, limit: query.limit + 1 }, revisions)
  const page = entries.slice(0, query.limit)
  const last = page.at(-1)
  return {
    rows: await boardRows(store, summaries, page, asked),
    metric,
    invalid: await countBoard(store.db, { ...query, valid: false }, revisions),
    next_cursor:
      entries.length > page.length && last
        ? writeCursor(asked.query, { value: last.sort_value, run_id: last.id })
        : null,
  }
}

/** Every row that a query's filters let through; its page is not applied, and runs are not placed. */
export async function wholeBoard(
  store: Store,
  summaries: Summaries,
  asked: LeaderboardQuery,
): Promise<BoardRow[]> {
  await summaries.fill()
  const query = await withAlikeNames(store.db, asked.query)
  const all = { ...query, limit: Number.MAX_SAFE_INTEGER, after: null }
  const entries = await listBoard(store.db, all, asked.revisions)
  return boardRows(store, summaries, entries, asked, false)
}

async function boardRows(
  store: Store,
  summaries: Summaries,
  entries: readonly BoardEntry[],
  { metric, query }: LeaderboardQuery,
  place = true,
): Promise<BoardRow[]> {
  const wanted = new Set([
    ...BOARD_METRICS,
    metric,
    query.sort,
    ...query.metrics.map((m) => m.metric),
  ])
  const rows: BoardRow[] = []
  const likes: Likes = new Map()
  for (const { id, local } of entries) {
    if (local === 0) {
      const result = await findResult(store.db, id)
      if (result) rows.push(resultRow(result, wanted))
      continue
    }
    const run = await findRun(store.db, id)
    const summary = await summaries.of(run)
    const placed = place ? await placeRun(store, run, summary, metric, likes) : null
    rows.push(runRow(run, summary, wanted, placed))
  }
  return rows
}

/** Rows of one place, read once for all runs of a page. */
type Likes = Map<string, readonly BoardValue[]>

/** Where a run stands among published rows of the same task, GPU and precision. */
async function placeRun(
  store: Store,
  run: RunRow,
  summary: Summary,
  metric: string,
  likes: Likes,
): Promise<Placement> {
  const { task, gpu_model, precision } = run
  const own: OwnRun = {
    task,
    gpu_model,
    precision,
    valid: summary.valid,
    value(window) {
      const id = window === windowOf(summary) ? metric : `${metric}@${window}`
      return summary.metrics[id] ?? null
    },
  }
  const place = { task, gpu_model: shortGpuName(gpu_model), precision: precisionName(precision) }
  if (place.task === null || place.gpu_model === null || place.precision === null)
    return placement(own, [], metric)
  const key = JSON.stringify(place)
  const rows = likes.get(key) ?? (await placementRows(store.db, place as NamedPlace, metric))
  likes.set(key, rows)
  return placement(own, rows, metric)
}

type NamedPlace = Parameters<typeof placementRows>[1]

/** The name of a run's counted window as results call theirs. */
function windowOf({ window }: Summary): string | null {
  if (window === null) return null
  return window.rule === 'saturation' || window.rule === 'plateau' ? 'steady' : window.rule
}

function resultRow(result: Result, wanted: ReadonlySet<string>): BoardRow {
  const { result_id, findings, foreign: _, provenance, metrics, ...facts } = result
  return {
    id: result_id,
    ...facts,
    revision: provenance.revision,
    ...findingCounts(findings),
    metrics: chosen(metrics, wanted),
    placement: null,
  }
}

function runRow(
  run: RunRow,
  summary: Summary,
  wanted: ReadonlySet<string>,
  place: Placement | null,
): BoardRow {
  const window = windowOf(summary)
  const windowed = (id: string) => (id.includes('@') ? id.slice(id.indexOf('@') + 1) : window)
  const metrics = Object.fromEntries(
    Object.entries(chosen(summary.metrics, wanted)).map(([id, m]) => [
      id,
      { ...m, window: windowed(id) },
    ]),
  )
  const facts = Object.fromEntries(
    RESULT_FACTS.map((f) => [f, Object.hasOwn(run, f) ? run[f as CommonFact] : null]),
  ) as ResultValues<ResultFactName>
  return {
    id: run.run_id,
    source: run.source,
    kind: 'run',
    name: run.name,
    ...facts,
    setup: {},
    revision: null,
    valid: summary.valid,
    ...findingCounts(summary.findings),
    metrics,
    placement: place,
  }
}

const chosen = <T>(metrics: Readonly<Record<string, T>>, wanted: ReadonlySet<string>) =>
  Object.fromEntries(Object.entries(metrics).filter(([id]) => wanted.has(id)))

function findingCounts(findings: Result['findings']) {
  const worst = [...findings].sort(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  )
  return {
    cautions: findings.filter((f) => f.severity === 'caution').length,
    findings: [...new Set(worst.map((f) => f.code))],
  }
}
