import { dirname, join, resolve } from 'node:path'
import { toJson } from '../../analysis/schema/json.ts'
import { STREAM_NAMES } from '../../analysis/schema/stream.ts'
import { exportBundles } from '../bundle/export-bundle.ts'
import {
  type CodecarbonPlace,
  type CodecarbonView,
  codecarbonCsv,
  codecarbonView,
} from '../codecarbon.ts'
import { CommandError } from '../command-error.ts'
import { rowsOf } from '../formats/decoded.ts'
import type { ExportFormat } from '../formats/export-format.ts'
import { STREAM_FORMATS } from '../formats/list.ts'
import { columnsCsv, runsCsv } from '../formats/runs-csv.ts'
import { validityOf } from '../run-validity.ts'
import { type ViewedRun, viewsOf } from '../run-view.ts'
import { countStreams, readChunks } from '../store/chunks.ts'
import type { Store } from '../store/open.ts'
import type { RunRow } from '../store/tables.ts'
import { exportSubmissions } from '../submission/export-submission.ts'
import { taskFiles } from '../submission/task-files.ts'
import { writeFile, writeParts } from '../write-file.ts'
import { namedRun, printDoubtful } from './named-run.ts'
import { isoNow, printLine, printPart, summariesFor, withStore } from './with-store.ts'

export interface ExportOptions {
  readonly db: string
  readonly json: boolean
  readonly format: ExportFormat
  readonly out: string | undefined
  /** Of mlenergy: without what only we know, and nothing that the format's own readers would stumble over. */
  readonly strict: boolean
  /** Of codecarbon: where the run is put, by the names of `llem-server cost`. */
  readonly place: CodecarbonPlace
}

/** Writes runs (all, where none is named) in one of the forms in which they leave. */
export async function exportRuns(refs: readonly string[], options: ExportOptions): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const rows = await chosenRuns(store, refs)
    if (options.format === 'json' && options.out === undefined) {
      for await (const part of summariesJson(store, rows)) await printPart(part)
      return printLine('')
    }
    const out = resolve(options.out ?? `llem-export-${options.format}`)
    await WRITE[options.format](store, rows, out, options)
    const run_ids = rows.map((r) => r.run_id)
    printLine(options.json ? JSON.stringify({ format: options.format, path: out, run_ids }) : out)
  })
}

async function chosenRuns(store: Store, refs: readonly string[]): Promise<RunRow[]> {
  const rows = new Map<string, RunRow>()
  if (refs.length === 0)
    for (const row of await store.db
      .selectFrom('run')
      .selectAll()
      .where('archived', '=', 0)
      .orderBy('created_at')
      .execute())
      rows.set(row.run_id, row)
  for (const ref of refs) {
    const row = await namedRun(store, ref)
    rows.set(row.run_id, row)
  }
  if (rows.size === 0) throw new CommandError(1, `There is no run in ${store.path} to export.`)
  return [...rows.values()]
}

const WRITE: Record<
  ExportFormat,
  (store: Store, rows: readonly RunRow[], out: string, options: ExportOptions) => Promise<void>
> = {
  bundle: exportBundles,
  csv: writeCsv,
  parquet: (store, rows, out) => writeStreams('parquet', store, rows, out),
  arrow: (store, rows, out) => writeStreams('arrow', store, rows, out),
  json: (store, rows, out) => writeParts(out, summariesJson(store, rows)),
  mlenergy: (store, rows, out, { strict }) => writeTaskFiles(store, rows, out, strict),
  async submission(store, rows, out) {
    printDoubtful(await exportSubmissions(store, rows, out))
  },
  codecarbon: (store, rows, out, { place }) => writeCodecarbon(store, rows, out, place),
}

/** emissions.csv (or the file that `out` names), and beside it where each number of it came from. */
async function writeCodecarbon(
  store: Store,
  rows: readonly RunRow[],
  out: string,
  place: CodecarbonPlace,
): Promise<void> {
  const summaries = summariesFor(store)
  const views: CodecarbonView[] = []
  for (const row of rows)
    views.push(await codecarbonView(summaries, row, place, 'window', isoNow().slice(0, 10)))
  const file = out.endsWith('.csv') ? out : join(out, 'emissions.csv')
  writeFile(file, codecarbonCsv(views))
  printDoubtful(views.map((v) => v.validity))
  const runs = views.map(({ cells, parts, pue, factor, notes, validity }) => ({
    run_id: cells.run_id,
    energies: parts,
    pue,
    factor,
    notes,
    validity,
  }))
  writeFile(
    file.replace(/\.csv$/, '.provenance.json'),
    toJson({ span: 'window', timestamp: 'UTC', runs }, 2),
  )
}

async function* summariesJson(store: Store, rows: readonly RunRow[]): AsyncGenerator<string> {
  const summaries = summariesFor(store)
  const validities = []
  for (const [i, row] of rows.entries()) {
    const summary = await summaries.of(row)
    validities.push(validityOf(row, summary))
    const text = toJson(summary, 2).replaceAll('\n', '\n    ')
    yield `${i === 0 ? '{\n  "runs": [\n' : ',\n'}    ${text}`
  }
  printDoubtful(validities)
  yield `\n  ],\n  "validity": ${toJson(validities, 2).replaceAll('\n', '\n  ')}\n}`
}

/** runs.csv (or the file that `out` names) with one row a run, and beside it columns.csv that explains every column. */
async function writeCsv(store: Store, rows: readonly RunRow[], out: string): Promise<void> {
  const summaries = summariesFor(store)
  const viewed = await viewsOf(store.db, rows)
  const all = []
  for (const [i, row] of rows.entries()) {
    const summary = await summaries.of(row)
    all.push({ ...(viewed[i] as ViewedRun), summary, validity: validityOf(row, summary) })
  }
  const file = out.endsWith('.csv') ? out : join(out, 'runs.csv')
  const columns = join(dirname(file), 'columns.csv')
  if (file === columns)
    throw new CommandError(
      2,
      `--out is ${file}, which is the name of the file that explains the columns. Give another name.`,
    )
  await writeParts(file, runsCsv(all))
  printDoubtful(all.map((r) => r.validity))
  writeFile(columns, columnsCsv(all))
}

/** A folder a run, a file a stream. */
async function writeStreams(
  format: 'parquet' | 'arrow',
  store: Store,
  rows: readonly RunRow[],
  out: string,
): Promise<void> {
  for (const { run_id } of rows) {
    const there = new Set((await countStreams(store.db, run_id)).map((s) => s.stream))
    for (const stream of STREAM_NAMES) {
      if (!there.has(stream)) continue
      const chunks = () => readChunks(store.db, run_id, stream)
      const dir = rows.length === 1 ? out : join(out, run_id)
      await writeParts(
        join(dir, `${stream}.${format}`),
        STREAM_FORMATS[format].encode(stream, rowsOf(stream, chunks)),
      )
    }
  }
}

/** A task file; a folder with one of each task where the name is none of a .json. */
async function writeTaskFiles(
  store: Store,
  rows: readonly RunRow[],
  out: string,
  strict: boolean,
): Promise<void> {
  const { files, validities } = await taskFiles(summariesFor(store), rows, strict)
  const single = out.endsWith('.json')
  if (single && files.size > 1)
    throw new CommandError(
      2,
      `The runs are of ${files.size} tasks (${[...files.keys()].join(', ')}), a file each: give a folder with --out.`,
    )
  for (const [task, text] of files)
    writeFile(single ? out : join(out, 'tasks', `${task}.json`), text)
  printDoubtful(validities)
}
