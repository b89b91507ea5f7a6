import type { Table } from '@uwdata/flechette'
import { readChunk } from '../schema/arrow.ts'
import type { RunFile } from '../schema/run.ts'
import {
  type ColumnType,
  type Row,
  STREAM_NAMES,
  STREAMS,
  type StreamName,
} from '../schema/stream.ts'
import {
  batchesOf,
  fillIntegers,
  fillNumbers,
  fillWords,
  listsOf,
  wordList,
} from './arrow-column.ts'
import { originOf, type RunData, runData } from './run-data.ts'
import { sampleTable } from './sample-table.ts'

/** One stored chunk: where it stands, and its Arrow IPC bytes as they came. */
export interface StoredChunk {
  readonly process_id: string
  readonly stream: StreamName
  readonly seq: number
  readonly bytes: Uint8Array
}

/**
 * A run from its description and its chunks, of however many processes and in any order: the late aggregation of
 * rows, from which every number is then computed.
 * @throws ChunkError when a chunk's bytes are no chunk of its stream
 * Source: docs/metrics.md, "Late aggregation".
 */
export function decodeRun(file: RunFile, chunks: Iterable<StoredChunk>): RunData {
  const origin_ns = originOf(file)
  const byStream = new Map<StreamName, StoredChunk[]>(STREAM_NAMES.map((s) => [s, []]))
  for (const chunk of chunks) byStream.get(chunk.stream)?.push(chunk)
  const ordered = (stream: StreamName) => (byStream.get(stream) ?? []).sort(inOrder)
  const tables = (stream: StreamName): Table[] =>
    ordered(stream).map((c) => readChunk(stream, c.bytes))
  const rows = <S extends StreamName>(stream: S): Row<S>[] =>
    tables(stream).flatMap((table) => rowsOf(stream, table, origin_ns))
  const recorders = STREAM_NAMES.map((stream) => [
    stream,
    [...new Set(ordered(stream).map((c) => c.process_id))],
  ])
  return runData(file, {
    recorders: Object.fromEntries(recorders),
    samples: sampleTable(
      tables('sample'),
      origin_ns,
      ordered('sample').map((c) => c.process_id),
    ),
    requests: rows('request'),
    steps: rows('step'),
    engine: rows('engine'),
    events: rows('event'),
  })
}

const inOrder = (a: StoredChunk, b: StoredChunk): number =>
  a.process_id === b.process_id ? a.seq - b.seq : a.process_id < b.process_id ? -1 : 1

/** Rows of one chunk, each a plain object with every column of its stream; times relative to the origin. */
export function rowsOf<S extends StreamName>(stream: S, table: Table, origin_ns: bigint): Row<S>[] {
  const rows = Array.from({ length: table.numRows }, () => ({}) as Record<string, unknown>)
  const columns: Record<string, { type: ColumnType }> = STREAMS[stream]
  for (const [name, { type }] of Object.entries(columns)) {
    const cells = CELLS[type](table, name, origin_ns)
    for (let i = 0; i < rows.length; i++) (rows[i] as Record<string, unknown>)[name] = cells[i]
  }
  return rows as Row<S>[]
}

type ReadCells = (table: Table, name: string, origin_ns: bigint) => readonly unknown[]

const numbers =
  (fill: (batch: Batch, origin_ns: bigint, out: Float64Array) => void): ReadCells =>
  (table, name, origin_ns) =>
    padded(
      table,
      batchesOf(table, name).flatMap((batch) => {
        const out = new Float64Array(batch.length)
        fill(batch, origin_ns, out)
        return listOf(out, (v) => (Number.isNaN(v) ? null : v))
      }),
    )

type Batch = ReturnType<typeof batchesOf>[number]

const lists =
  (elements: (inner: Batch, origin_ns: bigint) => readonly unknown[]): ReadCells =>
  (table, name, origin_ns) =>
    padded(
      table,
      batchesOf(table, name).flatMap((batch) => {
        const found = listsOf(batch)
        if (found === null) return new Array<unknown>(batch.length).fill(null)
        const all = elements(found.inner, origin_ns)
        const cells: unknown[] = []
        for (let i = 0; i < batch.length; i++) {
          const start = found.starts[i] as number
          cells.push(start < 0 ? null : all.slice(start, found.ends[i]))
        }
        return cells
      }),
    )

const integers = (batch: Batch, origin_ns: bigint): Float64Array => {
  const out = new Float64Array(batch.length)
  fillIntegers(batch, origin_ns, out, 0)
  return out
}

/** A plain loop: a million elements by iterator take five times as long. */
function listOf<A, B>(values: ArrayLike<A>, read: (value: A) => B): B[] {
  const out: B[] = []
  for (let i = 0; i < values.length; i++) out.push(read(values[i] as A))
  return out
}

function words(batch: Batch): (string | null)[] {
  const list = wordList()
  const index = new Int32Array(batch.length)
  fillWords(batch, list, index, 0)
  return listOf(index, (k) => list.words[k] ?? null)
}

const CELLS: Record<ColumnType, ReadCells> = {
  time: numbers((batch, origin_ns, out) => fillIntegers(batch, origin_ns, out, 0)),
  count: numbers((batch, _, out) => fillIntegers(batch, 0n, out, 0)),
  value: numbers((batch, _, out) => fillNumbers(batch, out, 0)),
  text: (table, name) => padded(table, batchesOf(table, name).flatMap(words)),
  time_list: lists((inner, origin_ns) => listOf(integers(inner, origin_ns), (t) => t)),
  count_list: lists((inner) => listOf(integers(inner, 0n), (n) => (Number.isNaN(n) ? -1 : n))),
  text_list: lists((inner) => listOf(words(inner), (w) => w ?? 'empty')),
}

/** A column that the chunk lacks is a column of nulls. */
const padded = (table: Table, cells: unknown[]): readonly unknown[] =>
  cells.length === table.numRows ? cells : new Array<unknown>(table.numRows).fill(null)
