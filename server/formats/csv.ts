import type { StreamName } from '../../analysis/schema/stream.ts'
import { type CellValue, type DecodedRows, exportColumns, type Rows } from './decoded.ts'
import { elementText, TEXT_PART } from './list-text.ts'

/** Rows of a stream as CSV (RFC 4180): whole numbers exact, nulls empty, lists as JSON text. */
export async function* encodeCsv(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array> {
  const columns = exportColumns(stream)
  let text = `${columns.map((c) => c.name).join(',')}\r\n`
  for await (const part of rows())
    for (const piece of pieces(
      part.length,
      columns.map((c) => part.cells(c)),
    )) {
      text += piece
      if (text.length < TEXT_PART) continue
      yield Buffer.from(text)
      text = ''
    }
  yield Buffer.from(text)
}

/** Cell by cell, and of a list element by element: a row may be longer than the longest string. */
function* pieces(
  rows: DecodedRows['length'],
  columns: readonly (readonly CellValue[])[],
): Generator<string> {
  for (let i = 0; i < rows; i++)
    for (const [k, column] of columns.entries()) {
      const value = column[i] ?? null
      const end = k === columns.length - 1 ? '\r\n' : ','
      if (!Array.isArray(value))
        yield (typeof value === 'string'
          ? csvText(value)
          : csvNumber(value as number | bigint | null)) + end
      else if (value.length < 2) yield csvText(`[${value.map(elementText).join()}]`) + end
      else {
        // Its commas want quotes around it.
        yield '"['
        for (const [n, element] of value.entries())
          yield (n === 0 ? '' : ',') + elementText(element).replaceAll('"', '""')
        yield `]"${end}`
      }
    }
}

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
