import {
  batchType,
  Column,
  columnFromArray,
  type DataType,
  dictionary,
  float64,
  int32,
  int64,
  list,
  tableFromColumns,
  tableToIPC,
  utf8,
} from '@uwdata/flechette'
import type { ColumnType, StreamName } from '../../analysis/schema/stream.ts'
import {
  type CellValue,
  type DecodedRows,
  type ExportColumn,
  exportColumns,
  type Rows,
} from './decoded.ts'
import { ipcMessages } from './ipc-messages.ts'

/** Text that is mostly unlike in each row, for which a dictionary would only be one more copy. */
const PLAIN_TEXT = new Set([
  'request_id',
  'conversation_id',
  'prompt_sha256',
  'error_message',
  'detail',
  'labels',
])

const TYPES: Record<Exclude<ColumnType, 'text'>, DataType> = {
  time: int64(),
  count: int64(),
  value: float64(),
  time_list: list(int64()),
  count_list: list(int64()),
  text_list: list(utf8()),
}

/**
 * Rows of a stream as one Arrow IPC stream, a record batch a chunk. The chunks are read twice: the words of the
 * dictionaries first, so that nothing but these is held in memory.
 */
export async function* encodeArrow(stream: StreamName, rows: Rows): AsyncGenerator<Uint8Array> {
  const columns = exportColumns(stream)
  const dictionaries = new Map(
    columns
      .filter((c) => c.type === 'text' && !PLAIN_TEXT.has(c.name))
      .map((c) => [c.name, new Map<string, number>()]),
  )
  for await (const part of rows())
    for (const column of columns) {
      const words = dictionaries.get(column.name)
      if (!words) continue
      for (const cell of part.cells(column))
        if (cell !== null && !words.has(cell as string)) words.set(cell as string, words.size)
    }
  const build = columnBuilder(dictionaries)
  const encode = (part: DecodedRows) =>
    tableToIPC(tableFromColumns(columns.map((c) => [c.name, build(c, part.cells(c))] as never)), {
      format: 'stream',
    }) as Uint8Array
  // A column of no cells would have no batch at all, so the head is cut from one row of nulls.
  const head = ipcMessages(encode({ length: 1, cells: () => [null] }))
  for (const message of head) if (message.kind !== 'record_batch') yield message.bytes
  for await (const part of rows()) {
    if (part.length === 0) continue
    for (const message of ipcMessages(encode(part)))
      if (message.kind === 'record_batch') yield message.bytes
  }
  yield END_OF_STREAM
}

const END_OF_STREAM = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)

/** Columns of every batch share the words that were collected before, in one order. */
function columnBuilder(dictionaries: ReadonlyMap<string, ReadonlyMap<string, number>>) {
  const shared = new Map(
    [...dictionaries].map(([name, words]) => {
      // The encoder finds a dictionary's number by its word type, so type and words must share that one.
      const word = utf8()
      const column = columnFromArray(words.size > 0 ? [...words.keys()] : [''], word)
      return [name, { type: dictionary(word, int32()), words, column }]
    }),
  )
  return (column: ExportColumn, cells: readonly CellValue[]) => {
    const known = shared.get(column.name)
    if (!known)
      return columnFromArray(cells as never[], column.type === 'text' ? utf8() : TYPES[column.type])
    const { type, words } = known
    const values = new Int32Array(cells.length)
    const validity = new Uint8Array((cells.length + 7) >> 3)
    let nullCount = 0
    for (const [i, cell] of cells.entries()) {
      if (cell === null) nullCount++
      else {
        values[i] = words.get(cell as string) as number
        validity[i >> 3] = (validity[i >> 3] as number) | (1 << (i & 7))
      }
    }
    const Batch = batchType(type) as unknown as new (
      o: object,
    ) => { setDictionary(c: unknown): never }
    const batch = new Batch({ length: cells.length, nullCount, type, validity, values })
    return new Column([batch.setDictionary(known.column)], type)
  }
}
