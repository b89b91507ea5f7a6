import { gzipSync } from 'node:zlib'
import type { Importer, Reading, Verdict } from '../../analysis/importers/importer.ts'
import { IMPORTERS } from '../../analysis/importers/list.ts'
import { createRedactor } from '../../analysis/schema/redact.ts'
import type { Result } from '../../analysis/schema/result.ts'
import type { Store } from '../store/open.ts'
import { insertResults, prepareResults, type ResultFile } from '../store/results.ts'
import type { GivenFile } from './files.ts'
import { parseFile } from './parse-file.ts'
import { ResultError } from './result-error.ts'

export interface ResultsOptions {
  /** Name of an importer that takes every file; null: by content. */
  readonly format: string | null
  readonly revision: string | null
}

/** What files of results hold, read and checked whole before anything of it is stored. */
export interface ReadResults {
  readonly files: readonly {
    readonly file: string
    readonly sha256: string
    readonly format: string | null
  }[]
  readonly rows: Readonly<Record<Verdict['verdict'], number>>
  /** Fields that were met, by format: what they became; null: kept under their own names. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, string | null>>>>
  readonly lacks: Readonly<Record<string, readonly string[]>>
  readonly verdicts: readonly Verdict[]
}

export interface ResultsToStore {
  readonly read: ReadResults
  readonly results: readonly Result[]
  readonly originals: readonly ResultFile[]
}

/**
 * Reads the files of a tool, or of several, without storing anything.
 * @throws ResultError where nothing of it is a result, or a file can't be taken at all
 */
export function readResults(given: Iterable<GivenFile>, options: ResultsOptions): ResultsToStore {
  const forced = options.format === null ? null : importerOf(options.format)
  const readings = new Map<Importer, Reading>()
  const files: { file: string; sha256: string; format: string | null }[] = []
  const originals: ResultFile[] = []
  const verdicts: Verdict[] = []
  for (const one of given) {
    const { path, sha256, bytes, file } = parseFile(one)
    if (typeof file === 'string') {
      files.push({ file: path, sha256, format: null })
      verdicts.push(wholeFile(path, 'lost', file))
      continue
    }
    const importer = forced ?? IMPORTERS.find((i) => i.detect(file))
    files.push({ file: path, sha256, format: importer?.name ?? null })
    if (importer === undefined) {
      verdicts.push(wholeFile(path, 'ignored', 'is of no tool that is known here'))
      continue
    }
    const reading = readings.get(importer) ?? importer.begin({ revision: options.revision })
    readings.set(importer, reading)
    withinDepth(path, () => reading.take(file))
    originals.push({ sha256, name: path, size_bytes: bytes.length, gzip: gzipSync(bytes) })
  }
  const imported = [...readings].map(([importer, reading]) => ({
    name: importer.name,
    ...withinDepth(importer.title, () => reading.done()),
  }))
  // One by one: as arguments of a single call, a hundred thousand of them would be too many.
  for (const { verdicts: own } of imported) for (const verdict of own) verdicts.push(verdict)
  const results = imported.flatMap((i) => i.results)
  if (results.length === 0) throw new ResultError(nothing(files.length, verdicts))
  const count = (verdict: Verdict['verdict']) =>
    verdicts.filter((v) => v.verdict === verdict).length
  return {
    results,
    originals,
    read: {
      files,
      rows: { mapped: count('mapped'), ignored: count('ignored'), lost: count('lost') },
      fields: Object.fromEntries(imported.map((i) => [i.name, i.fields])),
      lacks: Object.fromEntries(imported.map((i) => [i.name, i.lacks])),
      verdicts,
    },
  }
}

/** Stores what was read, in one transaction. What is there already stays as it is. */
export function storeResults(
  store: Store,
  { results, originals }: ResultsToStore,
  now: string,
  actor = 'local',
) {
  // The files stay as they came, by their hash; what is listed and shown of them is redacted.
  const redactor = createRedactor(store.hide)
  const shown = results.map((result) => ({
    ...result,
    setup: redactor.value(result.setup),
    foreign: redactor.value(result.foreign),
  }))
  const prepared = prepareResults(shown, now)
  return store.db.transaction().execute((tx) => insertResults(tx, prepared, originals, now, actor))
}

function importerOf(format: string): Importer {
  const found = IMPORTERS.find((i) => i.name === format)
  if (found) return found
  throw new ResultError(
    `There is no importer ${JSON.stringify(format)}; there are ${IMPORTERS.map((i) => i.name).join(', ')}.`,
  )
}

/** What is nested deeper than a program can follow is refused like any other file that can't be read. */
function withinDepth<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof RangeError && /call stack/i.test(error.message))
      throw new ResultError(`${what} is nested too deep to be read. Nothing was imported.`)
    throw error
  }
}

const wholeFile = (file: string, verdict: Verdict['verdict'], message: string): Verdict => ({
  file,
  row: null,
  verdict,
  result_id: null,
  message,
  faults: [],
})

function nothing(files: number, verdicts: readonly Verdict[]): string {
  const known = IMPORTERS.map((i) => `${i.name} (${i.title})`).join('; ')
  const [first] = verdicts
  if (first === undefined)
    return `There is no file of results there (${files} files). Known are bundles, and ${known}.`
  const fault = first.faults[0]
  const why = fault ? `${first.message}: ${fault.field} ${fault.message}` : first.message
  const where = first.row === null ? first.file : `${first.file}, row ${first.row}`
  return `Nothing could be imported: ${where} ${why}. Known are bundles, and ${known}.`
}
