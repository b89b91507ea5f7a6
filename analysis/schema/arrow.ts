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
import { type ColumnType, type Row, STREAMS, type StreamName } from './stream.ts'

/** Arrow's own type numbers, as flechette gives them in `field.type.typeId`. */
const TYPE = {
  dictionary: -1,
  int: 2,
  float: 3,
  utf8: 5,
  list: 12,
  largeUtf8: 20,
  largeList: 21,
} as const

export type ChunkFault = 'not_arrow' | 'compressed' | 'truncated' | 'schema'

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
 * @param rows cells that are absent or undefined become null; times must be whole numbers below 2^53
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

/**
 * Reads and checks one chunk against the stream's columns. Any width of integer, large_utf8, dictionaries,
 * any order, more columns and missing nullable ones are taken; int64 comes as bigint.
 * @throws ChunkError not_arrow, compressed, truncated or schema
 */
export function readChunk(stream: StreamName, bytes: Uint8Array): Table {
  if (bytes.length < 8)
    throw new ChunkError('not_arrow', `${bytes.length} bytes are no Arrow IPC stream`)
  const continuation = bytes[0] === 255 && bytes[1] === 255 && bytes[2] === 255 && bytes[3] === 255
  const file = String.fromCharCode(...bytes.subarray(0, 6)) === 'ARROW1'
  if (!continuation && !file)
    throw new ChunkError('not_arrow', 'the bytes do not begin as an Arrow IPC stream or file')
  let table: Table
  try {
    table = tableFromIPC(aligned(bytes), { useBigInt: true })
    for (const child of table.children) for (const batch of child.data) touch(batch)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (/compress|codec/i.test(message))
      throw new ChunkError('compressed', 'the Arrow buffers are compressed; send them uncompressed')
    throw new ChunkError('truncated', `the Arrow stream is cut short or damaged (${message})`)
  }
  if (continuation && !endsWithMarker(bytes))
    throw new ChunkError('truncated', 'the Arrow stream ends before its end-of-stream marker')
  checkColumns(stream, table)
  return table
}

/** The end of a stream: continuation marker and a length of zero. */
function endsWithMarker(bytes: Uint8Array): boolean {
  const end = bytes.subarray(-8)
  return end.every((b, i) => b === (i < 4 ? 255 : 0))
}

/** Typed arrays want 8-byte alignment, which a slice of a socket's buffer need not have. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
}

/** Every buffer must hold what the batch's length promises: a cut stream otherwise reads as zeros. */
function touch(batch: {
  length: number
  nullCount: number
  values?: unknown
  validity?: unknown
}): void {
  const size = (batch.values as { length?: number } | undefined)?.length
  const typed = ArrayBuffer.isView(batch.values as ArrayBufferView)
  if (typed && size !== undefined && size < batch.length && batch.nullCount < batch.length)
    throw new RangeError(`a column holds ${size} of ${batch.length} values`)
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
  const isNull = (t: ArrowType) => t.typeId === 1
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
