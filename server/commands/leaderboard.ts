import { dirname, join, resolve } from 'node:path'
import { toJson } from '../../analysis/schema/json.ts'
import type { BoardComparison, BoardRow } from '../../analysis/schema/leaderboard.ts'
import { PLACEMENT_REASONS } from '../../analysis/schema/leaderboard.ts'
import { boardFile } from '../board-file.ts'
import { CommandError } from '../command-error.ts'
import { boardsQuerySchema, compareStoredBoards } from '../compare-boards.ts'
import { boardColumnsCsv } from '../formats/board-csv.ts'
import { leaderboard } from '../leaderboard.ts'
import { leaderboardQuerySchema } from '../leaderboard-query.ts'
import { writePrivate } from '../private-file.ts'
import { numberText } from './number-text.ts'
import { parseQuery } from './parse-query.ts'
import { columns, nextPage } from './runs.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

export interface BoardOptions {
  readonly db: string
  readonly json: boolean
  readonly out: string | undefined
}

/** Runs and results in one list, or two sides of it compared. `query` has the names of the HTTP parameters. */
export async function board(
  options: BoardOptions,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  return 'a' in query || 'b' in query ? compareSides(options, query) : list(options, query)
}

async function list(options: BoardOptions, query: Readonly<Record<string, string>>): Promise<void> {
  const asked = parseQuery(leaderboardQuerySchema, query, 'leaderboard')
  await withStore(options.db, { create: false }, async (store) => {
    const page = await leaderboard(store, summariesFor(store), asked)
    if (asked.format !== 'json') {
      const explained =
        asked.format === 'csv' && options.out !== undefined ? columnsBeside(options.out) : null
      put(options, (await boardFile(store, page.rows, asked)).bytes)
      if (explained !== null) writePrivate(explained, boardColumnsCsv(page.rows))
      return
    }
    if (options.out !== undefined) return put(options, Buffer.from(toJson(page, 2)))
    if (options.json) return printLine(toJson(page, 2))
    if (page.invalid > 0)
      process.stderr.write(
        `${page.invalid} more are not valid, and not ranked; --valid false lists them.\n`,
      )
    if (page.rows.length === 0)
      return printLine('No rows. llem-server import takes in published results.')
    for (const line of table(page.rows, asked.query.sort)) printLine(line)
    if (page.next_cursor !== null)
      process.stderr.write(`${nextPage('leaderboard', options.db, query, page.next_cursor)}\n`)
  })
}

/** The file that explains the columns; never the one that holds them. */
function columnsBeside(out: string): string {
  const path = join(dirname(resolve(out)), 'columns.csv')
  if (path !== resolve(out)) return path
  throw new CommandError(
    2,
    `--out is ${path}, which is the name of the file that explains the columns. Give another name.`,
  )
}

function put({ out, json }: BoardOptions, bytes: Uint8Array): void {
  if (out === undefined) return void process.stdout.write(bytes)
  const path = resolve(out)
  writePrivate(path, bytes)
  printLine(json ? JSON.stringify({ path }) : path)
}

function table(rows: readonly BoardRow[], sort: string): string[] {
  const sorted = rows.some((r) => r.metrics[sort]) && !(sort in SHOWN) ? [sort] : []
  const metrics = [...sorted, ...Object.keys(SHOWN)].filter((id) =>
    rows.some((r) => r.metrics[id]?.value != null),
  )
  return columns([
    [
      'MODEL',
      'GPU',
      'N',
      'PRECISION',
      'BATCH',
      ...metrics.map((m) => SHOWN[m] ?? m),
      'PLACE',
      'SOURCE',
    ],
    ...rows.map((r) => [
      r.name ?? r.model ?? '',
      r.gpu_model ?? '',
      r.num_gpus === null ? '' : String(r.num_gpus),
      r.precision ?? '',
      r.batch_limit === null ? '' : String(r.batch_limit),
      ...metrics.map((m) => {
        const metric = r.metrics[m]
        return `${cell(metric?.value ?? null)}${metric?.provenance === 'cpu_estimate' ? ' estimate' : ''}`
      }),
      place(r),
      `${r.source}${doubt(r)}`,
    ]),
  ])
}

/** A row that is not valid, or not without cautions, says so in the list. */
function doubt({ valid, cautions }: BoardRow): string {
  if (!valid) return ' (not valid)'
  return cautions > 0 ? ` (${cautions} caution${cautions === 1 ? '' : 's'})` : ''
}

const SHOWN: Readonly<Record<string, string>> = {
  energy_per_output_token_j: 'J/TOKEN',
  energy_per_image_j: 'J/IMAGE',
  energy_per_video_j: 'J/VIDEO',
  itl_ms_p50: 'ITL P50 MS',
  batch_latency_s: 'BATCH S',
  output_throughput_tok_s: 'TOKEN/S',
}

function place({ placement }: BoardRow): string {
  if (placement === null) return ''
  const { placed, reason } = placement
  if (placed !== null)
    return `${placed.rank} of ${placed.of} (better than ${placed.percentile.toFixed(1)} %)`
  return reason === null ? '' : `none: ${PLACEMENT_REASONS[reason]}`
}

async function compareSides(
  options: BoardOptions,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  const asked = parseQuery(boardsQuerySchema, query, 'leaderboard')
  await withStore(options.db, { create: false }, async (store) => {
    const comparison = await compareStoredBoards(store, summariesFor(store), asked)
    if (options.json) return printLine(toJson(comparison, 2))
    for (const line of sides(comparison)) printLine(line)
  })
}

function sides({ a, b, pairs, matched_on, metrics }: BoardComparison): string[] {
  const head = [
    `${pairs} configurations on both sides, equal in ${matched_on.join(', ')}.`,
    `A: ${a.label}, ${a.rows} rows (${a.unmatched} configurations only there). B: ${b.label}, ${b.rows} rows (${b.unmatched} only there).`,
  ]
  if (pairs === 0) return head
  return [
    ...head,
    '',
    ...columns([
      ['METRIC', 'UNIT', 'PAIRS', 'B OVER A', 'FROM', 'TO', 'A BETTER', 'B BETTER', 'IN NOISE'],
      ...Object.entries(metrics).map(([id, m]) => [
        id,
        m.unit,
        String(m.pairs),
        cell(m.ratio.geometric_mean ?? m.ratio.p50),
        numberText(m.ratio.min),
        numberText(m.ratio.max),
        m.a_better === null ? '-' : String(m.a_better),
        m.b_better === null ? '-' : String(m.b_better),
        String(m.within_noise),
      ]),
    ]),
  ]
}

const cell = (value: number | null): string => (value === null ? '-' : numberText(value))
