import { columnFromArray, type Table, tableFromColumns, tableToIPC, utf8 } from '@uwdata/flechette'
import { readChunk } from './arrow.ts'
import { parseJson, toJson } from './json.ts'
import { canonicalJson } from './key.ts'
import type { Redactor } from './redact.ts'
import { sameButForSite } from './redacted.ts'
import type { StreamName } from './stream.ts'

/** Columns that hold what programs wrote. Prompts and output texts, kept where a user wants them, are not among them. */
const COLUMNS: Readonly<Partial<Record<StreamName, readonly string[]>>> = {
  event: ['detail'],
  request: ['error_code', 'error_message'],
  engine: ['labels'],
}

/** A cell of such a column: JSON by its structure, so that options and their values are found, all else as text. */
export function redactCell(cell: string, redactor: Redactor): string {
  if (!/^\s*[{[]/.test(cell)) return redactor.text(cell)
  let value: unknown
  try {
    value = parseJson(cell)
  } catch {
    return redactor.text(cell)
  }
  const redacted = redactor.value(value)
  const [before, after] = [toJson(value), toJson(redacted)]
  return before === after ? cell : after
}

/** Rows that are about to be recorded; the same list where the stream holds no such text. */
export function redactRows<R extends object>(
  stream: StreamName,
  rows: readonly R[],
  redactor: Redactor,
): readonly R[] {
  const names = COLUMNS[stream]
  if (names === undefined) return rows
  const redact = remembering(redactor)
  return rows.map((row) => {
    let out = row
    for (const name of names) {
      const cell = (row as Record<string, unknown>)[name]
      if (typeof cell !== 'string') continue
      const redacted = redact(cell)
      if (redacted !== cell) out = { ...out, [name]: redacted }
    }
    return out
  })
}

/** Many rows have few different texts, such as the labels of an engine's metrics. */
function remembering(redactor: Redactor): (cell: string) => string {
  const known = new Map<string, string>()
  return (cell) => {
    const redacted = known.get(cell) ?? redactCell(cell, redactor)
    known.set(cell, redacted)
    return redacted
  }
}

/**
 * A chunk with its texts redacted; the very bytes where nothing had to be. The same chunk always gives the same bytes.
 * @param read what `readChunk` made of the bytes, where it is there already
 * @throws ChunkError as `readChunk` does
 */
export function redactChunk(
  stream: StreamName,
  bytes: Uint8Array,
  redactor: Redactor,
  read?: Table,
): Uint8Array {
  const names = COLUMNS[stream]
  if (names === undefined) return bytes
  const table = read ?? readChunk(stream, bytes)
  const changed = new Map<string, (string | null)[]>()
  for (const name of names) {
    const column = table.getChild(name)
    if (!column || column.nullCount === column.length) continue
    const redact = remembering(redactor)
    let same = true
    const cells = Array.from(column as Iterable<unknown>, (cell) => {
      if (typeof cell !== 'string') return null
      const redacted = redact(cell)
      same &&= redacted === cell
      return redacted
    })
    if (!same) changed.set(name, cells)
  }
  if (changed.size === 0) return bytes
  const columns = table.schema.fields.map(({ name }) => {
    const cells = changed.get(name)
    // Plain text: a dictionary's number could be that of another of this stream.
    return [name, cells ? columnFromArray(cells, utf8()) : table.getChild(name)] as [
      string,
      ReturnType<typeof columnFromArray>,
    ]
  })
  const out = tableToIPC(tableFromColumns(columns), { format: 'stream' })
  if (out === null) throw new Error('flechette returned no bytes')
  return out
}

/** Whether a stream may hold texts that are redacted. */
export const hasTexts = (stream: StreamName): boolean => COLUMNS[stream] !== undefined

/** Whether two chunks hold the same rows, apart from values that two sites redacted. */
export const sameChunkButForSite = (stream: StreamName, a: Uint8Array, b: Uint8Array): boolean =>
  sameButForSite(rowsText(stream, a), rowsText(stream, b))

function rowsText(stream: StreamName, bytes: Uint8Array): string {
  const table = readChunk(stream, bytes)
  const columns = table.schema.fields.map(({ name }) => [
    name,
    Array.from(table.getChild(name) as Iterable<unknown>, (cell) =>
      ArrayBuffer.isView(cell) ? Array.from(cell as unknown as ArrayLike<unknown>) : cell,
    ),
  ])
  return canonicalJson(columns)
}
