import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { type PageHeader, type SchemaElement, snappyUncompress } from 'hyparquet'
import { parquetHeader } from 'hyparquet/src/column.js'
import { ParquetFault } from './parquet-fault.ts'

/** A page's header is some hundred bytes: numbers, and the least and greatest value. */
const MAX_HEADER_BYTES = 64_000

export interface ColumnBytes {
  readonly bytes: Uint8Array
  readonly codec: string
  readonly element: SchemaElement
  /** Of the group of rows that it belongs to. */
  readonly rows: number
}

/**
 * Unpacks the pages of a column, each checked before the library decodes it: the library writes as many values as a run
 * tells, and makes a page as large as its header says, so that a few bytes could fill all memory.
 * @param take called with the bytes of each page before they are there; throws where that is too much
 * @returns the unpacked part of each packed page, in order; none for what is not packed
 * @throws ParquetFault where a page tells more than it holds
 */
export function unpackPages(column: ColumnBytes, take: (bytes: number) => void): Uint8Array[] {
  const { bytes, rows } = column
  const unpacked: Uint8Array[] = []
  let at = 0
  let left = rows
  let dictionary = false
  while (left > 0) {
    const end = Math.min(MAX_HEADER_BYTES, bytes.length - at)
    const reader = { view: new DataView(bytes.buffer, bytes.byteOffset + at, end), offset: 0 }
    const header = parquetHeader(reader)
    at += reader.offset
    const { compressed_page_size: size, uncompressed_page_size: whole } = header
    if (!(size >= 0 && whole >= 0 && at + size <= bytes.length))
      throw damaged('a page is cut short')
    take(whole)
    dictionary ||= header.type === 'DICTIONARY_PAGE'
    if (!dictionary && /DICTIONARY/.test(encodingOf(header)))
      throw damaged('its dictionary is missing')
    const page = bytes.subarray(at, at + size)
    at += size
    left -= checkPage(header, page, left, column, (packed, length) => {
      if (column.codec === 'UNCOMPRESSED') return packed
      const plain = unpack(column.codec, packed, length)
      unpacked.push(plain)
      return plain
    })
  }
  return unpacked
}

const encodingOf = ({ data_page_header: v1, data_page_header_v2: v2 }: PageHeader): string =>
  v1?.encoding ?? v2?.encoding ?? ''

type Unpack = (packed: Uint8Array, length: number) => Uint8Array

/** @returns how many of the rows that are left the page holds */
function checkPage(
  header: PageHeader,
  page: Uint8Array,
  left: number,
  { element }: ColumnBytes,
  unpacked: Unpack,
): number {
  const optional = element.repetition_type === 'OPTIONAL'
  const whole = header.uncompressed_page_size
  if (header.type === 'DICTIONARY_PAGE') {
    const values = header.dictionary_page_header?.num_values ?? -1
    if (!(values >= 0 && values <= whole)) throw damaged('a dictionary holds less than it tells')
    unpacked(page, whole)
    return 0
  }
  if (header.type === 'DATA_PAGE' && header.data_page_header !== undefined) {
    const { num_values: values, encoding } = header.data_page_header
    checkCount(values, left)
    const plain = unpacked(page, whole)
    let from = 0
    if (optional) {
      from = 4 + lengthAt(plain, 0)
      if (checkRuns(plain, 4, from, 1, values) > 0) throw damaged('a page is cut short')
    }
    checkValues(plain, from, encoding, element, values)
    return values
  }
  if (header.type === 'DATA_PAGE_V2' && header.data_page_header_v2 !== undefined) {
    const { num_values: values, num_nulls: nulls, encoding, ...v2 } = header.data_page_header_v2
    checkCount(values, left)
    const levels = v2.definition_levels_byte_length
    if (v2.repetition_levels_byte_length !== 0 || !(levels >= 0 && levels <= page.length))
      throw damaged('a page has levels that a plain column has not')
    if (!(nulls >= 0 && nulls <= values)) throw damaged(`a page tells ${nulls} nulls of ${values}`)
    if (optional && checkRuns(page, 0, levels, 1, values) > 0) throw damaged('a page is cut short')
    const data = page.subarray(levels)
    const packed = v2.is_compressed !== false
    const plain = packed ? unpacked(data, whole - levels) : data
    checkValues(plain, 0, encoding, element, values - nulls)
    return values
  }
  throw damaged(`a page is of no kind that is known (${header.type})`)
}

function checkCount(values: number, left: number): void {
  if (!(values > 0 && values <= left)) throw damaged(`a page tells ${values} values of ${left}`)
}

/** Values as they stand, or as places in the dictionary: what pandas, Arrow, DuckDB and Polars write of themselves. */
function checkValues(
  page: Uint8Array,
  from: number,
  encoding: string,
  element: SchemaElement,
  values: number,
): void {
  if (encoding === 'PLAIN') return
  if (encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY') {
    const width = page[from] ?? 0
    if (width > 32) throw damaged(`places in a dictionary have ${width} bits`)
    checkRuns(page, from + 1, page.length, width, values)
  } else if (encoding === 'RLE' && element.type === 'BOOLEAN')
    checkRuns(page, from + 4, page.length, 1, values)
  else throw new ParquetFault(`is encoded as ${encoding}, which is not read; write it anew without`)
}

const lengthAt = (bytes: Uint8Array, at: number): number => {
  if (at + 4 > bytes.length) throw damaged('a page is cut short')
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
}

/**
 * Runs of one value, and groups of eight packed by bits: together no more values than the page has.
 * @returns how many values are not there
 */
function checkRuns(
  bytes: Uint8Array,
  from: number,
  to: number,
  bits: number,
  values: number,
): number {
  const end = Math.min(to, bytes.length)
  let at = from
  let left = values
  while (left > 0 && at < end) {
    let header = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined || shift > 28) throw damaged('a run is cut short')
      header += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    const told = Math.floor(header / 2)
    // Groups may be filled up behind the last value.
    const packed = header % 2 === 1
    if (told > (packed ? left / 8 + 64 : left))
      throw damaged(`a run tells ${told} values of ${left}`)
    at += packed ? told * bits : Math.ceil(bits / 8)
    left -= packed ? told * 8 : told
  }
  return Math.max(0, left)
}

function unpack(codec: string, packed: Uint8Array, length: number): Uint8Array {
  if (length < 0) throw damaged('a page is cut short')
  if (codec === 'SNAPPY') {
    const plain = new Uint8Array(length)
    snappyUncompress(packed, plain)
    return plain
  }
  // One byte more than told, so that a page that holds more is seen.
  const most = { maxOutputLength: length + 1 }
  if (codec === 'GZIP') return gunzipSync(packed, most)
  if (codec === 'BROTLI') return brotliDecompressSync(packed, most)
  throw new ParquetFault(`is packed by ${codec}, which is not read; write it anew with snappy`)
}

const damaged = (what: string) => new ParquetFault(`is damaged: ${what}`)
