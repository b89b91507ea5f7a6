import { gunzipSync } from 'node:zlib'
import { parseContent } from '../../analysis/importers/content.ts'
import type { ImportFile } from '../../analysis/importers/importer.ts'
import { MAX_FILE_BYTES } from '../read-file.ts'
import { sha256 } from '../store/sha256.ts'
import type { GivenFile } from './files.ts'
import { isParquet, parquetContent } from './parquet.ts'
import { ResultError } from './result-error.ts'

export interface ParsedFile {
  readonly path: string
  readonly sha256: string
  /** As it came, unpacked where it was packed. */
  readonly bytes: Uint8Array
  /** As importers see it, or why it can't be parsed. */
  readonly file: ImportFile | string
}

/**
 * Reads and parses one file. That it makes no sense is a verdict on it; that it is a bomb or another archive ends the import.
 * @throws ResultError
 */
export function parseFile(given: GivenFile): ParsedFile {
  const { path } = given
  const packed = given.read()
  if (packed[0] === 0x50 && packed[1] === 0x4b && packed[2] === 3)
    throw new ResultError(`${path} is a zip archive. Unpack it and give the folder.`)
  const bytes = packed[0] === 0x1f && packed[1] === 0x8b ? unpacked(path, packed) : packed
  const hash = sha256(bytes)
  const parsed = isParquet(bytes) ? parquetContent(bytes) : parsedText(bytes)
  return {
    path,
    sha256: hash,
    bytes,
    file: typeof parsed === 'string' ? parsed : { path, sha256: hash, ...parsed },
  }
}

function unpacked(path: string, packed: Uint8Array): Uint8Array {
  try {
    return gunzipSync(packed, { maxOutputLength: MAX_FILE_BYTES.result })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new ResultError(
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `${path} unpacks to more than ${MAX_FILE_BYTES.result} bytes; it is not taken, and nothing was imported.`
        : `${path} can't be unpacked (${(error as Error).message}); it is cut short or damaged.`,
    )
  }
}

function parsedText(bytes: Uint8Array): ReturnType<typeof parseContent> {
  try {
    return parseContent(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    if (error instanceof TypeError) return 'is not UTF-8'
    throw error
  }
}
