import type { StreamName } from '../../analysis/schema/stream.ts'
import { type CellValue, exportColumns, type Rows } from './decoded.ts'
import { elementText, TEXT_PART } from './list-text.ts'

/** Rows of a stream as one JSON object a line, whole numbers with all their digits; what is null is left out. */
export async function* encodeNdjson(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array> {
  const columns = exportColumns(stream).map((c) => ({ ...c, key: `${JSON.stringify(c.name)}:` }))
  let text = ''
  for await (const part of rows())
    for (const piece of pieces(
      part.length,
      columns.map((c) => ({ key: c.key, cells: part.cells(c) })),
    )) {
      text += piece
      if (text.length < TEXT_PART) continue
      yield Buffer.from(text)
      text = ''
    }
  if (text !== '') yield Buffer.from(text)
}

/** Field by field, and of a list element by element: a row may be longer than the longest string. */
function* pieces(
  rows: number,
  columns: readonly { readonly key: string; readonly cells: readonly CellValue[] }[],
): Generator<string> {
  for (let i = 0; i < rows; i++) {
    let before = '{'
    for (const { key, cells } of columns) {
      const value = cells[i] ?? null
      if (value === null || Number.isNaN(value)) continue
      if (!Array.isArray(value)) yield before + key + elementText(value as bigint | number | string)
      else {
        yield `${before}${key}[`
        for (const [n, element] of value.entries())
          yield (n === 0 ? '' : ',') + elementText(element)
        yield ']'
      }
      before = ','
    }
    yield before === '{' ? '{}\n' : '}\n'
  }
}
