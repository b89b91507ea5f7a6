import type { Table } from '@uwdata/flechette'
import { ChunkError } from './arrow.ts'
import { rangeOf } from './cell-range.ts'
import { type ColumnType, STREAMS, type StreamName } from './stream.ts'

interface Batch {
  readonly length: number
  readonly nullCount: number
  readonly values?: unknown
  readonly children?: readonly Batch[]
  at(i: number): unknown
}

/**
 * Refuses what a column of the stream can't hold: wider integers than a count's 32 bits, an unsigned time above
 * 2^63 - 1. What a writer of ours makes needs no look at its cells, since their Arrow type is no wider.
 * @throws ChunkError (range) naming the column, the row (from 0) and the value
 */
export function checkRanges(stream: StreamName, table: Table): void {
  const columns: Record<string, { type: ColumnType }> = STREAMS[stream]
  for (const [name, { type }] of Object.entries(columns)) {
    const range = rangeOf(type)
    const column = table.getChild(name) as unknown as { data: readonly Batch[] } | undefined
    if (range === null || !column) continue
    const wide = type.startsWith('count') ? mayExceedInt32 : mayExceedInt64
    let row = 0
    for (const batch of column.data) {
      if (wide(range.list ? batch.children?.[0] : batch)) check(batch, row)
      row += batch.length
    }

    function check(batch: Batch, first: number): void {
      for (let i = 0; i < batch.length; i++) {
        const cell = batch.at(i)
        if (cell === null || cell === undefined) continue
        const values = range?.list ? Array.from(cell as Iterable<unknown>) : [cell]
        const bad = values.find((v) => v !== null && !range?.fits(exact(v)))
        if (bad !== undefined)
          throw new ChunkError(
            'range',
            `column ${name} of stream ${stream} holds ${bad} in row ${first + i} (from 0); it holds ${range?.words}, or null where the value is not known`,
          )
      }
    }
  }
  /** A 64-bit count arrives as bigint. */
  function exact(value: unknown): unknown {
    if (typeof value !== 'bigint') return value
    return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value
  }
}

const mayExceedInt32 = (batch: Batch | undefined): boolean =>
  batch?.values instanceof BigInt64Array ||
  batch?.values instanceof BigUint64Array ||
  batch?.values instanceof Uint32Array
const mayExceedInt64 = (batch: Batch | undefined): boolean =>
  batch?.values instanceof BigUint64Array
