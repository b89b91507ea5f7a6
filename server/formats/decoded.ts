import { setImmediate } from 'node:timers/promises'
import type { Table } from '@uwdata/flechette'
import { readChunk } from '../../analysis/schema/arrow.ts'
import { type ColumnType, STREAMS, type StreamName } from '../../analysis/schema/stream.ts'
import type { StoredChunk } from '../store/chunks.ts'

/** One column of an exported stream: the process that wrote the row, then the stream's own columns. */
export interface ExportColumn {
  readonly name: string
  readonly type: ColumnType
}

export function exportColumns(stream: StreamName): ExportColumn[] {
  const own: Record<string, { type: ColumnType }> = STREAMS[stream]
  return [
    { name: 'process_id', type: 'text' },
    ...Object.entries(own).map(([name, { type }]) => ({ name, type })),
  ]
}

/** A column's cells in our types: times and counts bigint, values number, lists arrays of these, null where there is none. */
export type CellValue =
  | bigint
  | number
  | string
  | null
  | readonly (bigint | number | string | null)[]

/** Rows of one chunk, or of a part of it, column by column. */
export interface DecodedRows {
  readonly length: number
  cells(column: ExportColumn): CellValue[]
}

/** More of them would keep the server from everything else for too long; an agent's chunk holds fewer. */
const ROWS_AT_ONCE = 10_000

/** Decodes chunks one after the other, a large one in parts. May be called again for a second pass. */
export type Rows = () => AsyncIterable<DecodedRows>

export function rowsOf(stream: StreamName, chunks: () => AsyncIterable<StoredChunk>): Rows {
  return async function* () {
    for await (const chunk of chunks()) {
      const table = readChunk(stream, chunk.bytes)
      for (let from = 0; from < table.numRows; from += ROWS_AT_ONCE) {
        if (from > 0) await setImmediate()
        yield decode(chunk.process_id, table, from)
      }
    }
  }
}

function decode(process_id: string, table: Table, from: number): DecodedRows {
  const length = Math.min(ROWS_AT_ONCE, table.numRows - from)
  return {
    length,
    cells({ name, type }) {
      if (name === 'process_id') return new Array<CellValue>(length).fill(process_id)
      const child = table.getChild(name)
      if (!child) return new Array<CellValue>(length).fill(null)
      const read = READ[type]
      return Array.from({ length }, (_, i) => {
        const v: unknown = child.at(from + i)
        return v === null || v === undefined ? null : read(v)
      })
    },
  }
}

const integer = (v: unknown): bigint => (typeof v === 'bigint' ? v : BigInt(v as number))
const list =
  (read: (v: unknown) => bigint | number | string) =>
  (v: unknown): readonly (bigint | number | string | null)[] =>
    Array.from(v as Iterable<unknown>, (e) => (e === null || e === undefined ? null : read(e)))

const READ: Record<ColumnType, (v: unknown) => CellValue> = {
  time: integer,
  count: integer,
  value: Number,
  text: String,
  time_list: list(integer),
  count_list: list(integer),
  text_list: list(String),
}
