import {
  columnFromArray,
  type DataType,
  dictionary,
  float64,
  int32,
  int64,
  list,
  type Table,
  tableFromColumns,
  tableFromIPC,
  tableToIPC,
  utf8,
} from '@uwdata/flechette'
import { verifyStream } from './arrow-verify.ts'
import { rangeOf } from './cell-range.ts'
import { type ColumnType, type Row, STREAMS, type StreamName } from './stream.ts'

/** Arrow's own type numbers, as flechette gives them in `field.type.typeId`. */
const TYPE = {
  dictionary: -1,
  null: 1,
  int: 2,
  float: 3,
  utf8: 5,
  bool: 6,
  list: 12,
  largeUtf8: 20,
  largeList: 21,
} as const

export type ChunkFault = 'not_arrow' | 'compressed' | 'truncated' | 'schema' | 'range'

/** A chunk that can't be taken, with a stable kind for programs and a sentence for people. */
export class ChunkError extends Error {
  readonly fault: ChunkFault
  constructor(fault: ChunkFault, message: string) {
    super(message)
    this.name = 'ChunkError'
    this.fault = fault
  }
}

// Made anew for each column: a dictionary type carries an id, and one id is one dictionary of the stream.
const MAKE_TYPE: Record<ColumnType, () => DataType> = {
  time: () => int64(),
  count: () => int32(),
  value: () => float64(),
  text: () => dictionary(utf8()),
  time_list: () => list(int64()),
  count_list: () => list(int32()),
  text_list: () => list(dictionary(utf8())),
}

/**
 * Rows of one stream as one Arrow IPC stream, uncompressed: the chunk, as it is spooled, sent and stored.
 * @param rows cells that are absent or undefined become null
 * @throws ChunkError (range) for a count or a time that its column can't hold: the encoder itself would wrap it
 */
export function encodeChunk<S extends StreamName>(
  stream: S,
  rows: readonly Row<S>[],
): Uint8Array<ArrayBuffer> {
  const definition: Record<string, { type: ColumnType }> = STREAMS[stream]
  const columns = Object.entries(definition).map(([name, column]) => {
    const cells = new Array<unknown>(rows.length)
    for (let i = 0; i < rows.length; i++)
      cells[i] = (rows[i] as Record<string, unknown>)[name] ?? null
    checkCells(stream, name, column.type, cells)
    const type = MAKE_TYPE[column.type]()
    return [name, columnFromArray(cells as never[], type)] as [
      string,
      ReturnType<typeof columnFromArray>,
    ]
  })
  const bytes = tableToIPC(tableFromColumns(columns), { format: 'stream' })
  if (bytes === null) throw new Error('flechette returned no bytes')
  return bytes as Uint8Array<ArrayBuffer>
}

function checkCells(stream: StreamName, name: string, type: ColumnType, cells: unknown[]): void {
  const range = rangeOf(type)
  if (range === null) return
  const { fits, list, words } = range
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]
    if (cell === null) continue
    const bad = list
      ? (cell as readonly unknown[]).findIndex((v) => v !== null && !fits(v))
      : fits(cell)
        ? -1
        : 0
    if (bad < 0) continue
    const value = list ? (cell as readonly unknown[])[bad] : cell
    throw new ChunkError(
      'range',
      `column ${name} of stream ${stream} is ${String(value)} in row ${i} (from 0); it holds ${words}`,
    )
  }
}

/**
 * Reads and checks one chunk against the stream's columns. Any width of integer, large_utf8, dictionaries,
 * any order, more columns and missing nullable ones are taken; int64 comes as bigint.
 * @throws ChunkError not_arrow, compressed, truncated or schema
 */
export function readChunk(stream: StreamName, bytes: Uint8Array): Table {
  const file = String.fromCharCode(...bytes.subarray(0, 6)) === 'ARROW1'
  // A file is a stream between two magic words, with a footer that a reader of the whole can do without.
  const body = aligned(file ? bytes.subarray(8) : bytes)
  if (body.length < 8 || body.subarray(0, 4).some((b) => b !== 255))
    throw new ChunkError(
      'not_arrow',
      `the ${bytes.length} bytes do not begin as an Arrow IPC stream or file`,
    )
  const table = decode(body)
  checkColumns(stream, table)
  return table
}

function decode(body: Uint8Array): Table {
  let frame: ReturnType<typeof verifyStream>
  try {
    frame = verifyStream(body)
  } catch (error) {
    throw new ChunkError('truncated', `the Arrow stream is damaged: ${(error as Error).message}`)
  }
  if (frame.compressed)
    throw new ChunkError('compressed', 'the Arrow buffers are compressed; send them uncompressed')
  if (!frame.ended)
    throw new ChunkError('truncated', 'the Arrow stream ends before its end-of-stream marker')
  try {
    const table = tableFromIPC(body, { useBigInt: true })
    for (const child of table.children) for (const batch of child.data) verifyBatch(batch)
    return table
  } catch (error) {
    throw new ChunkError('truncated', `the Arrow stream is damaged: ${(error as Error).message}`)
  }
}

/** Typed arrays want 8-byte alignment, which a slice of a socket's buffer need not have. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
}

interface Batch {
  readonly length: number
  readonly nullCount: number
  readonly type: ArrowType
  readonly values?: unknown
  readonly validity?: unknown
  readonly offsets?: Int32Array | BigInt64Array
  readonly children?: readonly Batch[]
  readonly dictionary?: { readonly length: number; readonly data: readonly Batch[] }
}

/** The buffers must hold what the lengths promise, and offsets and dictionary indices must stay within. */
function verifyBatch(batch: Batch): void {
  const { length, values, offsets, children, dictionary } = batch
  const size = ArrayBuffer.isView(values) ? (values as Uint8Array).length : null
  if (offsets) {
    if (offsets.length < length + 1 && length > 0) throw new RangeError('an offset is missing')
    const limit = children?.[0]?.length ?? size ?? 0
    const bad = offsetOutOfOrder(offsets, length, limit)
    if (bad >= 0) throw new RangeError(`offset ${bad} is not in order`)
  } else if (size !== null && size < length && batch.type.typeId !== TYPE.bool)
    throw new RangeError(`a column holds ${size} of ${length} values`)
  // A column of Arrow's type null (what a writer makes of nothing but nulls) has no bits.
  const hasBits = batch.type.typeId !== TYPE.null
  if (hasBits && batch.nullCount > 0 && ((batch.validity as Uint8Array)?.length ?? 0) * 8 < length)
    throw new RangeError('the validity bits are missing')
  if (dictionary) {
    for (const part of dictionary.data) verifyBatch(part)
    // A null's index may be anything.
    const beyond =
      batch.nullCount === 0 ? indexBeyond(values as Int32Array, length, dictionary.length) : -1
    if (beyond >= 0) throw new RangeError(`value ${beyond} has no word in its dictionary`)
  }
  for (const child of children ?? []) verifyBatch(child)
}

// Apart and plain, so that they are compiled for typed arrays: they see every value of every chunk.
function indexBeyond(indices: Int32Array, length: number, words: number): number {
  for (let i = 0; i < length; i++) {
    const index = indices[i] as number
    if (index < 0 || index >= words) return i
  }
  return -1
}

function offsetOutOfOrder(
  offsets: Int32Array | BigInt64Array,
  length: number,
  limit: number,
): number {
  let last = 0
  for (let i = 0; i <= length && i < offsets.length; i++) {
    const offset = Number(offsets[i])
    if (offset < last || offset > limit) return i
    last = offset
  }
  return -1
}

function checkColumns(stream: StreamName, table: Table): void {
  const columns: Record<string, { type: ColumnType; required?: true }> = STREAMS[stream]
  const fields = new Map(table.schema.fields.map((f) => [f.name, f]))
  for (const [name, column] of Object.entries(columns)) {
    const field = fields.get(name)
    if (!field) {
      if (column.required)
        throw new ChunkError('schema', `column ${name} of stream ${stream} is missing`)
      continue
    }
    if (!fits(column.type, field.type as ArrowType))
      throw new ChunkError(
        'schema',
        `column ${name} of stream ${stream} has the wrong Arrow type; it must be ${WORDS[column.type]}`,
      )
    if (column.required) {
      const child = table.getChild(name)
      if (child.nullCount > 0)
        throw new ChunkError(
          'schema',
          `column ${name} of stream ${stream} holds nulls and must not`,
        )
    }
  }
}

interface ArrowType {
  readonly typeId: number
  readonly dictionary?: ArrowType
  readonly children?: readonly { readonly type: ArrowType }[]
}

const WORDS: Record<ColumnType, string> = {
  time: 'an integer of nanoseconds',
  count: 'an integer',
  value: 'a float or an integer',
  text: 'utf8 or a dictionary of it',
  time_list: 'a list of integers',
  count_list: 'a list of integers',
  text_list: 'a list of utf8',
}

function fits(want: ColumnType, type: ArrowType): boolean {
  const isText = (t: ArrowType): boolean =>
    t.typeId === TYPE.utf8 ||
    t.typeId === TYPE.largeUtf8 ||
    (t.typeId === TYPE.dictionary && t.dictionary !== undefined && isText(t.dictionary))
  const isNull = (t: ArrowType) => t.typeId === TYPE.null
  if (isNull(type)) return true
  const isList = type.typeId === TYPE.list || type.typeId === TYPE.largeList
  const inner = type.children?.[0]?.type
  switch (want) {
    case 'time':
    case 'count':
      return type.typeId === TYPE.int
    case 'value':
      return type.typeId === TYPE.float || type.typeId === TYPE.int
    case 'text':
      return isText(type)
    case 'time_list':
    case 'count_list':
      return isList && inner !== undefined && (inner.typeId === TYPE.int || isNull(inner))
    case 'text_list':
      return isList && inner !== undefined && (isText(inner) || isNull(inner))
  }
}
