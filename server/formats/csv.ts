import { toJson } from '../../analysis/schema/json.ts'
import type { StreamName } from '../../analysis/schema/stream.ts'
import { type CellValue, exportColumns, type Rows } from './decoded.ts'

/** Rows of a stream as CSV (RFC 4180): whole numbers exact, nulls empty, lists as JSON text. */
export async function* encodeCsv(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array> {
  const columns = exportColumns(stream)
  yield Buffer.from(`${columns.map((c) => c.name).join(',')}\r\n`)
  for await (const part of rows()) {
    const cells = columns.map((c) => part.cells(c))
    let text = ''
    for (let i = 0; i < part.length; i++)
      text += `${cells.map((column) => cell(column[i] ?? null)).join(',')}\r\n`
    yield Buffer.from(text)
  }
}

const cell = (value: CellValue): string =>
  typeof value === 'string'
    ? csvText(value)
    : Array.isArray(value)
      ? csvText(toJson(value))
      : csvNumber(value as number | bigint | null)

/** A number as it is, or nothing where there is none. */
export const csvNumber = (value: number | bigint | null): string =>
  value === null || Number.isNaN(value) ? '' : String(value)

/**
 * Text as a CSV field. What a spreadsheet would run as a formula gets an apostrophe in front: full-width signs too,
 * which some take for the narrow ones.
 * Source: OWASP, "CSV Injection".
 */
export function csvText(value: string | null): string {
  if (value === null) return ''
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
