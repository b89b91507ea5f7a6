import {
  type ColumnChunk,
  type CompressionCodec,
  type FileMetaData,
  parquetMetadata,
  type SchemaElement,
} from 'hyparquet'
import { readColumn } from 'hyparquet/src/column.js'
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import type { ParsedContent } from '../../analysis/importers/content.ts'
import { ParquetFault } from './parquet-fault.ts'
import { unpackPages } from './parquet-pages.ts'

/** Results of runs are some thousand rows; what holds more is another kind of table, or an attack. */
const MAX_ROWS = 100_000
/** Unpacked, and again as plain rows, where a text that a dictionary holds once counts in each row. */
const MAX_TABLE_BYTES = 64_000_000
/** Tells columns, some hundred bytes each; a longer one takes the library long to follow. */
const MAX_FOOTER_BYTES = 256_000
/** How physical values are to be read, where a file says so; other ways (decimals, intervals) are refused. */
const KNOWN_KINDS = new Set([
  'UTF8',
  'STRING',
  'ENUM',
  'NULL',
  'INTEGER',
  'INT_8',
  'INT_16',
  'INT_32',
  'INT_64',
  'UINT_8',
  'UINT_16',
  'UINT_32',
  'UINT_64',
  'DATE',
  'TIMESTAMP',
  'TIMESTAMP_MILLIS',
  'TIMESTAMP_MICROS',
])

const MAGIC = 'PAR1'

export const isParquet = (bytes: Uint8Array): boolean => magicAt(bytes, 0)

/**
 * The rows of a Parquet file as plain objects, read whole or not at all. Whole numbers are numbers, or their digits as text
 * above 2^53; NaN and infinities are null and counted, as in JSON.
 * @returns a sentence's end where it can't be read: `is damaged: ...`
 */
export function parquetContent(bytes: Uint8Array): ParsedContent | string {
  const budget = { bytes: MAX_TABLE_BYTES }
  const take = (n: number): void => {
    budget.bytes -= n
    if (budget.bytes < 0) throw tooMuch(`unpacks to more than ${MAX_TABLE_BYTES} bytes`)
  }
  try {
    const meta = metadataOf(bytes)
    const rows = Number(meta.num_rows)
    if (rows > MAX_ROWS) throw tooMuch(`has ${rows} rows, over ${MAX_ROWS}`)
    const names = meta.schema.slice(1).map((e) => e.name)
    take(8 * rows * names.length)
    const columns = names.map((name, i) => {
      const cells = columnOf(meta, i, bytes, take)
      return [name, cells] as const
    })
    return tableOf(columns, rows, take)
  } catch (error) {
    if (error instanceof ParquetFault) return error.message
    throw error
  }
}

const tooMuch = (what: string) =>
  new ParquetFault(`${what}; a table of results holds less. Cut it, or take the file away`)

function magicAt(bytes: Uint8Array, at: number): boolean {
  return bytes.length >= at + 4 && [...MAGIC].every((c, i) => bytes[at + i] === c.charCodeAt(0))
}

function metadataOf(bytes: Uint8Array): FileMetaData {
  if (bytes.length < 12 || !magicAt(bytes, bytes.length - 4))
    throw new ParquetFault('is cut short: a Parquet file ends with PAR1')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = view.getUint32(bytes.length - 8, true)
  if (length > Math.min(MAX_FOOTER_BYTES, bytes.length - 12))
    throw new ParquetFault(
      `tells a description of ${length} bytes, over ${Math.min(MAX_FOOTER_BYTES, bytes.length - 12)}; it is damaged or no table of results`,
    )
  try {
    const meta = parquetMetadata(bytes.subarray(bytes.length - 8 - length), { geoparquet: false })
    const rows = meta.row_groups.reduce((n, g) => n + g.num_rows, 0n)
    if (rows !== meta.num_rows || meta.row_groups.some((g) => g.num_rows < 0n))
      throw new ParquetFault(`is damaged: it tells ${meta.num_rows} rows, its groups ${rows}`)
    checkSchema(meta)
    return meta
  } catch (error) {
    if (error instanceof ParquetFault) throw error
    // Bytes that make no sense fail anywhere in the library, with an error of any kind.
    throw new ParquetFault('is damaged: what it tells of its columns makes no sense')
  }
}

/** Plain columns alone, each of a kind that is known here, each name once. */
function checkSchema({ schema, row_groups }: FileMetaData): void {
  const columns = schema.slice(1)
  if (schema[0]?.num_children !== columns.length || columns.some((e) => e.num_children))
    throw new ParquetFault(
      'has columns within columns (lists or mappings); only a plain table is read',
    )
  const seen = new Set<string>()
  for (const element of columns) {
    const { name, type, converted_type, logical_type, repetition_type } = element
    const kinds = [converted_type, logical_type?.type].filter((k) => k !== undefined)
    const odd = kinds.find((k) => !KNOWN_KINDS.has(k))
    if (
      odd !== undefined ||
      type === undefined ||
      type === 'INT96' ||
      type === 'FIXED_LEN_BYTE_ARRAY'
    )
      throw new ParquetFault(
        `has a column ${name} of kind ${odd ?? type ?? 'none'}, which is not read; write it anew as number or text`,
      )
    if (repetition_type === 'REPEATED')
      throw new ParquetFault(`has a column ${name} of lists; only a plain table is read`)
    if (seen.has(name)) throw new ParquetFault(`has two columns ${name}`)
    seen.add(name)
  }
  if (row_groups.some((g) => g.columns.length !== columns.length))
    throw new ParquetFault(`is damaged: a group of rows has not all ${columns.length} columns`)
}

function columnOf(
  meta: FileMetaData,
  index: number,
  bytes: Uint8Array,
  take: (bytes: number) => void,
): unknown[] {
  const element = meta.schema[index + 1] as SchemaElement
  try {
    return meta.row_groups.flatMap((group) =>
      cellsOf(element, group.columns[index] as ColumnChunk, Number(group.num_rows), bytes, take),
    )
  } catch (error) {
    const why =
      error instanceof ParquetFault ? error.message : `is damaged (${(error as Error).message})`
    throw new ParquetFault(`can't be read: column ${element.name} ${why}`)
  }
}

/** Cells of one column within one group of rows. */
function cellsOf(
  element: SchemaElement,
  { meta_data: chunk, file_path }: ColumnChunk,
  rows: number,
  bytes: Uint8Array,
  take: (bytes: number) => void,
): unknown[] {
  if (rows === 0) return []
  if (chunk === undefined || file_path !== undefined)
    throw new ParquetFault('stands in another file or is encrypted')
  if (chunk.path_in_schema.join('.') !== element.name || chunk.type !== element.type)
    throw new ParquetFault(`is told as ${chunk.path_in_schema.join('.')} (${chunk.type}) elsewhere`)
  const from = Number(chunk.dictionary_page_offset || chunk.data_page_offset)
  const to = from + Number(chunk.total_compressed_size)
  if (!(from >= 4 && to >= from && to <= bytes.length))
    throw new ParquetFault('lies outside the file')
  const own = bytes.subarray(from, to)
  const pages = unpackPages({ bytes: own, codec: chunk.codec, element, rows }, take)
  const given = (): Uint8Array => {
    const page = pages.shift()
    if (page === undefined) throw new ParquetFault('has more pages than values')
    return page
  }
  const root = { count: 1, element: { name: 'root' }, children: [], path: [] }
  const leaf = { count: 1, element, children: [], path: [element.name] }
  const { data } = readColumn(
    { view: new DataView(own.buffer, own.byteOffset, own.length), offset: 0 },
    { groupStart: 0, selectStart: 0, selectEnd: rows, groupRows: rows },
    {
      pathInSchema: [element.name],
      type: chunk.type,
      element,
      schemaPath: [root, leaf],
      codec: chunk.codec,
      // Decodes what was checked, and nothing else.
      compressors: { [chunk.codec]: given } as Partial<Record<CompressionCodec, () => Uint8Array>>,
      parsers: DEFAULT_PARSERS,
    },
  )
  const cells = data.flatMap((part) => Array.from(part as ArrayLike<unknown>))
  if (cells.length !== rows) throw new ParquetFault(`has ${cells.length} values of ${rows}`)
  return cells
}

function tableOf(
  columns: readonly (readonly [string, readonly unknown[]])[],
  count: number,
  take: (bytes: number) => void,
): ParsedContent {
  let bare = 0
  const plain = (name: string, cell: unknown): unknown => {
    if (cell === undefined) throw new ParquetFault(`is damaged: column ${name} lacks a value`)
    if (typeof cell === 'string') take(cell.length)
    if (typeof cell === 'bigint')
      return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell)
    if (typeof cell === 'number' && !Number.isFinite(cell)) {
      bare++
      return null
    }
    return cell instanceof Date ? dateText(cell) : cell
  }
  const rows = Array.from({ length: count }, (_, i) =>
    Object.fromEntries(columns.map(([name, cells]) => [name, plain(name, cells[i])])),
  )
  const notes = bare > 0 ? [`${bare} NaN or Infinity of the file were read as null`] : []
  return { content: { form: 'table', columns: columns.map(([name]) => name), rows }, notes }
}

const dateText = (at: Date): string | null =>
  Number.isFinite(at.getTime()) ? at.toISOString() : null
