import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { isCountCell, isTimeCell, RANGE_WORDS } from '../../analysis/schema/cell-range.ts'
import { parseJson } from '../../analysis/schema/json.ts'
import {
  type ColumnType,
  type Row,
  STREAMS,
  type StreamName,
} from '../../analysis/schema/stream.ts'
import { BundleError } from './bundle-error.ts'

const ROWS_PER_CHUNK = 50_000

/**
 * A stream written as one JSON object a line, as chunks. Columns that are not the stream's are skipped.
 * @throws BundleError naming the line and the column
 */
export function ndjsonChunks(stream: StreamName, text: Uint8Array, path: string): Uint8Array[] {
  const columns = Object.entries(STREAMS[stream]) as [
    string,
    { type: ColumnType; required?: true },
  ][]
  const rows: Record<string, unknown>[] = []
  const chunks: Uint8Array[] = []
  const flush = () => {
    if (rows.length > 0) chunks.push(encodeChunk(stream, rows as unknown as Row<typeof stream>[]))
    rows.length = 0
  }
  let number = 0
  for (const line of linesOf(text)) {
    number++
    if (line.trim() === '') continue
    const at = `${path}, line ${number}`
    const given = parseLine(line, at)
    const row: Record<string, unknown> = {}
    for (const [name, column] of columns) {
      const value = given[name] ?? null
      if (value === null && column.required) throw new BundleError(`${at}: ${name} is missing.`)
      if (value === null) continue
      if (!FITS[column.type](value))
        throw new BundleError(
          `${at}: ${name} is ${shown(value)}; it must be ${WORDS[column.type]}.`,
        )
      row[name] = value
    }
    rows.push(row)
    if (rows.length >= ROWS_PER_CHUNK) flush()
  }
  flush()
  return chunks
}

/** Line by line: a file of a bundle may be twice as long as the longest string. */
function* linesOf(text: Uint8Array): Generator<string> {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(10, from)
    const end = found < 0 ? bytes.length : found
    yield bytes.toString('utf8', from, end)
    from = end + 1
  }
}

function parseLine(line: string, at: string): Record<string, unknown> {
  let value: unknown
  try {
    value = parseJson(line)
  } catch (error) {
    throw new BundleError(`${at} is not JSON (${(error as Error).message}).`)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new BundleError(`${at} is ${shown(value)}; each line is one JSON object.`)
  return value as Record<string, unknown>
}

const isText = (v: unknown): boolean => typeof v === 'string'
const listOf = (fits: (v: unknown) => boolean) => (v: unknown) => Array.isArray(v) && v.every(fits)

const FITS: Record<ColumnType, (value: unknown) => boolean> = {
  time: isTimeCell,
  count: isCountCell,
  value: (v) => typeof v === 'number' && Number.isFinite(v),
  text: isText,
  time_list: listOf(isTimeCell),
  count_list: listOf(isCountCell),
  text_list: listOf(isText),
}

const WORDS: Record<ColumnType, string> = {
  time: 'a whole number of nanoseconds',
  count: `${RANGE_WORDS.count}, or null where it is not known`,
  value: 'a number',
  text: 'text',
  time_list: 'a list of whole numbers',
  count_list: `a list, each ${RANGE_WORDS.count}`,
  text_list: 'a list of texts',
}

const shown = (value: unknown): string => {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
