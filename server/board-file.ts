import { resultTaskRow, taskFile } from '../analysis/exporters/mlenergy.ts'
import { boardSpec } from '../analysis/report/board.ts'
import { neighboursSpec } from '../analysis/report/neighbours.ts'
import type { VegaLiteSpec } from '../analysis/report/spec.ts'
import { type BoardRow, PLACEMENT_REASONS } from '../analysis/schema/leaderboard.ts'
import type { Result } from '../analysis/schema/result.ts'
import { boardCsv } from './formats/board-csv.ts'
import { boardMarkdown } from './formats/board-markdown.ts'
import { boardParquet } from './formats/board-parquet.ts'
import type { BoardFormat, LeaderboardQuery } from './leaderboard-query.ts'
import { ResultError } from './results/result-error.ts'
import type { Store } from './store/open.ts'
import { findResult } from './store/results.ts'

const MEDIA: Record<Exclude<BoardFormat, 'json'>, string> = {
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
  markdown: 'text/markdown; charset=utf-8',
  vega: 'application/json',
  mlenergy: 'application/json',
}

/**
 * A page of the leaderboard as a file of another form than our JSON.
 * @throws ResultError where the form can't hold these rows
 */
export async function boardFile(
  store: Store,
  rows: readonly BoardRow[],
  { format, query, chart, x }: LeaderboardQuery,
): Promise<{ bytes: Uint8Array; media_type: string }> {
  const form = format as Exclude<BoardFormat, 'json'>
  const media_type = MEDIA[form]
  const text = (t: string) => ({ bytes: Buffer.from(t), media_type })
  if (form === 'csv') return text(boardCsv(rows))
  if (form === 'markdown') return text(boardMarkdown(rows, query.sort))
  if (form === 'vega')
    return text(
      JSON.stringify(chart === 'board' ? boardSpec(rows, x, query.sort) : neighboursOf(rows)),
    )
  if (form === 'mlenergy') return text(await taskFileOf(store, rows))
  return { bytes: boardParquet(rows), media_type }
}

/** Results of others as the task file that they came from; runs of ours leave by `export`, which knows their rows. */
async function taskFileOf(store: Store, rows: readonly BoardRow[]): Promise<string> {
  const results: Result[] = []
  for (const { id, source } of rows) {
    const result = source === 'local' ? undefined : await findResult(store.db, id)
    if (result) results.push(result)
  }
  const tasks = new Set(results.map((r) => r.task))
  const [task] = tasks
  if (tasks.size !== 1 || task == null)
    throw new ResultError(
      `A task file holds the rows of one task, and these are of ${tasks.size}. Ask for one, e.g. task=gpqa.`,
    )
  const at = ({ provenance: p }: Result) => [p.file, p.row ?? 0] as const
  results.sort((a, b) =>
    at(a)[0] === at(b)[0] ? at(a)[1] - at(b)[1] : at(a)[0] < at(b)[0] ? -1 : 1,
  )
  const first = results[0] as Result
  const display = first.foreign['task_display_name']
  const diffusion = first.setup['modality'] === 'diffusion' ? 'diffusion' : null
  return taskFile(
    task,
    typeof display === 'string' ? display : task,
    results.map(resultTaskRow),
    diffusion,
  )
}

function neighboursOf(rows: readonly BoardRow[]): VegaLiteSpec {
  for (const { placement, name, id } of rows) {
    const spec = placement && neighboursSpec(placement, name ?? id)
    if (spec) return spec
  }
  const reason = rows.find((r) => r.placement !== null)?.placement?.reason ?? null
  throw new ResultError(
    `No run of this page is placed${reason === null ? '' : ` (${PLACEMENT_REASONS[reason]})`}. Ask for a run of ours, e.g. source=local.`,
  )
}
