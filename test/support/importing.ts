import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseContent } from '../../analysis/importers/content.ts'
import type { Imported, Importer, ImportFile } from '../../analysis/importers/importer.ts'
import { type Result, resultSchema } from '../../analysis/schema/result.ts'
import { sha256 } from '../../server/store/sha256.ts'
import { ROOT } from './root.ts'

/** A file of test/fixtures/importers as an importer sees it. */
export const importFixture = (path: string): ImportFile =>
  importText(path, readFileSync(join(ROOT, 'test/fixtures/importers', path), 'utf8'))

export function importText(path: string, text: string): ImportFile {
  const parsed = parseContent(text)
  if (typeof parsed === 'string') throw new Error(`${path} ${parsed}`)
  return { path, sha256: sha256(new TextEncoder().encode(text)), ...parsed }
}

/** What an importer makes of files; each result is checked against its schema. */
export function imported(importer: Importer, ...files: readonly ImportFile[]): Imported {
  const reading = importer.begin({ revision: null })
  for (const file of files) reading.take(file)
  const found = reading.done()
  for (const result of found.results) resultSchema.parse(result)
  return found
}

/** The only result of files. */
export function onlyResult(importer: Importer, ...files: readonly ImportFile[]): Result {
  const { results, verdicts } = imported(importer, ...files)
  const [result] = results
  if (result === undefined || results.length > 1)
    throw new Error(`${results.length} results: ${JSON.stringify(verdicts)}`)
  return result
}

export const value = (result: Result, metric: string): number | null | undefined =>
  result.metrics[metric]?.value
