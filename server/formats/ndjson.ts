import { toJson } from '../../analysis/schema/json.ts'
import type { StreamName } from '../../analysis/schema/stream.ts'
import { exportColumns, type Rows } from './decoded.ts'

/** Rows of a stream as one JSON object a line, whole numbers with all their digits; what is null is left out. */
export async function* encodeNdjson(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array> {
  const columns = exportColumns(stream).map((c) => ({ ...c, key: `${JSON.stringify(c.name)}:` }))
  for await (const part of rows()) {
    const cells = columns.map((c) => part.cells(c))
    let text = ''
    for (let i = 0; i < part.length; i++) {
      const fields: string[] = []
      for (const [k, column] of columns.entries()) {
        const value = cells[k]?.[i] ?? null
        if (value === null || Number.isNaN(value)) continue
        fields.push(
          column.key + (typeof value === 'string' ? JSON.stringify(value) : toJson(value)),
        )
      }
      text += `{${fields.join(',')}}\n`
    }
    if (text !== '') yield Buffer.from(text)
  }
}
