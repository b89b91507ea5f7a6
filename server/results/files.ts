import { lstatSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isFolder, MAX_FILE_BYTES, readBytes } from '../read-file.ts'
import { ResultError } from './result-error.ts'

const MAX_RESULT_BYTES = MAX_FILE_BYTES.result
const KNOWN = /\.((json|jsonl|ndjson|csv)(\.gz)?|parquet)$/i

/** A file to be read, by its path within what was given, with forward slashes. */
export interface GivenFile {
  readonly path: string
  read(): Uint8Array
}

/**
 * The file itself, or every .json, .jsonl, .ndjson, .csv and .parquet below a folder, sorted by path. Links are passed over: they
 * could point anywhere, or in a circle.
 * @throws ResultError for a file that is too large, FileError for a pipe or a device
 */
export function givenFiles(path: string): GivenFile[] {
  if (!isFolder(path)) return [given(path, basename(path), statSync(path).size)]
  const files: GivenFile[] = []
  const walk = (relative: string): void => {
    for (const name of readdirSync(join(path, relative)).sort()) {
      const inner = relative === '' ? name : `${relative}/${name}`
      const stat = lstatSync(join(path, inner))
      if (stat.isDirectory()) walk(inner)
      else if (stat.isFile() && KNOWN.test(name))
        files.push(given(join(path, inner), inner, stat.size))
    }
  }
  walk('')
  return files
}

function given(full: string, path: string, bytes: number): GivenFile {
  if (bytes > MAX_RESULT_BYTES)
    throw new ResultError(
      `${full} has ${bytes} bytes; a file of results has at most ${MAX_RESULT_BYTES}. Nothing was imported; take the file away or cut it.`,
    )
  return { path, read: () => readBytes(full, 'result') }
}
