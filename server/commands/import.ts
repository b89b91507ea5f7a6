import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Verdict } from '../../analysis/importers/importer.ts'
import { readAnswers, storeAnswers } from '../answers/import-answers.ts'
import { importBundles, readFolder } from '../bundle/import-bundle.ts'
import { withUnpacked } from '../bundle/unpack.ts'
import { CommandError } from '../command-error.ts'
import { givenFiles } from '../results/files.ts'
import { type ReadResults, readResults, storeResults } from '../results/import-results.ts'
import { isoNow, printLine, withStore } from './with-store.ts'

export interface ImportCommand {
  readonly db: string
  readonly json: boolean
  /** `bundle`, `answers` or the name of an importer; undefined: by content. */
  readonly format: string | undefined
  readonly revision: string | undefined
  readonly dryRun: boolean
}

/** Imports bundles, or results of other tools, all or nothing; a dry run says what would become of them. */
export async function importPath(path: string, options: ImportCommand): Promise<void> {
  if (!existsSync(path)) throw new CommandError(1, `There is no ${path}.`)
  await withUnpacked(path, (at) => importAt(at, path, options))
}

/** @param shown what the user called it */
async function importAt(path: string, shown: string, options: ImportCommand): Promise<void> {
  const bundle = options.format === 'bundle' || (options.format === undefined && isBundle(path))
  if (bundle) return importRuns(path, shown, options)
  return (await importAnswers(path, options)) ? undefined : importOthers(path, options)
}

const isBundle = (path: string): boolean =>
  statSync(path).isDirectory() &&
  (existsSync(join(path, 'run.json')) ||
    readdirSync(path).some((name) => existsSync(join(path, name, 'run.json'))))

async function importRuns(dir: string, shown: string, options: ImportCommand): Promise<void> {
  if (options.dryRun) {
    const runs = readFolder(dir, shown).map(({ run, chunks, outcome, ignored }) => ({
      run_id: run.file.run.run_id,
      outcome,
      chunks: chunks.length,
      rows: chunks.reduce((n, c) => n + c.row_count, 0),
      ignored,
    }))
    if (options.json) return printLine(JSON.stringify({ dry_run: true, runs }))
    for (const run of runs)
      printLine(
        `Would import run ${run.run_id} (${run.outcome}): ${run.chunks} chunks, ${run.rows} rows.`,
      )
    return
  }
  await withStore(options.db, { create: true }, async (store) => {
    const runs = await importBundles(store, dir, isoNow(), shown)
    for (const run of runs)
      if (run.ignored.length > 0)
        process.stderr.write(`Passed over, as not known here: ${run.ignored.join(', ')}\n`)
    if (options.json) return printLine(JSON.stringify({ db: store.path, runs }))
    for (const run of runs)
      printLine(
        run.result === 'same'
          ? `Run ${run.run_id} is there already with the same bytes; nothing has changed.`
          : `Imported run ${run.run_id} (${run.outcome}): ${run.chunks} chunks, ${run.rows} rows.`,
      )
  })
}

/** Answers to be compared; false where the file holds something else. */
async function importAnswers(path: string, options: ImportCommand): Promise<boolean> {
  const forced = options.format === 'answers'
  if (!forced && (options.format !== undefined || statSync(path).isDirectory())) return false
  const [given, ...more] = givenFiles(path)
  if (given === undefined || more.length > 0)
    throw new CommandError(
      1,
      `${path} holds ${given === undefined ? 'no file' : `${1 + more.length} files`}; answers are imported a file at a time, one JSON object a line.`,
    )
  const read = readAnswers(given, forced)
  if (read === null) return false
  const { answers, file_sha256 } = read
  if (options.dryRun) {
    const said = { dry_run: true, file_sha256, answers: answers.length }
    printLine(
      options.json ? JSON.stringify(said) : `Would import ${counted(answers.length, 'answer')}.`,
    )
    return true
  }
  await withStore(options.db, { create: true }, async (store) => {
    const { inserted, same } = await storeAnswers(store, read, isoNow())
    if (options.json)
      return printLine(JSON.stringify({ db: store.path, file_sha256, inserted, same }))
    printLine(
      inserted === 0
        ? `All ${same} answers are there already; nothing has changed.`
        : `Imported ${counted(inserted, 'answer')}${same > 0 ? `; ${same} were there already` : ''}. llem-server serve shows them for a vote under /vote.`,
    )
  })
  return true
}

async function importOthers(path: string, options: ImportCommand): Promise<void> {
  const given = givenFiles(path)
  const { format = null, revision = null } = options
  const results = readResults(given, { format, revision })
  if (options.dryRun) {
    if (options.json) return printLine(JSON.stringify({ dry_run: true, ...results.read }))
    sayVerdicts(results.read, Number.POSITIVE_INFINITY)
    return printLine(
      `Would import ${counted(results.results.length, 'result')}. Nothing was stored.`,
    )
  }
  await withStore(options.db, { create: true }, async (store) => {
    const { inserted, same } = await storeResults(store, results, isoNow())
    if (options.json)
      return printLine(JSON.stringify({ db: store.path, inserted, same, ...results.read }))
    sayVerdicts(results.read, SHOWN_NAMES)
    printLine(
      inserted === 0
        ? `All ${same} results are there already; nothing has changed.`
        : `Imported ${counted(inserted, 'result')}${same > 0 ? `; ${same} were there already` : ''}.`,
    )
  })
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

const SHOWN = 20
const SHOWN_NAMES = 6

/** What was not simply taken, on stderr; the first of many, and as many names of fields. */
function sayVerdicts({ verdicts, fields, lacks }: ReadResults, most: number): void {
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const told = verdicts.filter((v) => v.verdict !== 'mapped' || v.faults.length > 0)
  for (const verdict of told.slice(0, SHOWN)) say(verdictText(verdict))
  if (told.length > SHOWN) say(`... and ${told.length - SHOWN} more; --json tells all of them.`)
  for (const [format, names] of Object.entries(fields)) {
    const kept = Object.entries(names).flatMap(([name, ours]) => (ours === null ? [name] : []))
    const more = kept.length - most
    const rest = more > 0 ? `, and ${more} more (--dry-run lists them)` : ''
    if (kept.length > 0)
      say(`${format}: kept under their own names: ${kept.slice(0, most).join(', ')}${rest}.`)
    for (const what of lacks[format] ?? []) say(`${format}: not in these files: ${what}.`)
  }
}

function verdictText({ file, row, verdict, message, faults }: Verdict): string {
  const where = row === null ? file : `${file}, row ${row}`
  const nulls = faults.map((f) => `${f.field} ${f.message}`).join('; ')
  const what = message ?? 'taken, with nulls'
  return `${where} (${verdict}): ${what}${nulls === '' ? '' : `: ${nulls}`}.`
}
