/**
 * Checks the frame of an Arrow IPC stream before a decoder trusts it: every offset, count and length of its
 * flatbuffers must lie inside the bytes. Decoders follow these blindly; a damaged or hostile count would cost
 * gigabytes of memory instead of an error.
 * Source: Arrow columnar format, "IPC streaming format"; flatbuffers' table and vector layout.
 */

export class DamagedArrow extends Error {}

const HEADER = { schema: 1, dictionary: 2, record: 3 } as const
const TYPE_UNION = 14
/** No honest chunk comes near: thirty columns are some two hundred tables. */
const MAX_TABLES = 20_000

interface Buffer {
  readonly bytes: Uint8Array
  readonly view: DataView
  budget: number
}

/** Walks all messages of a stream. Returns whether its end-of-stream marker was there. @throws DamagedArrow */
export function verifyStream(bytes: Uint8Array): { ended: boolean; compressed: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let compressed = false
  while (at < bytes.length) {
    if (at + 8 > bytes.length) damaged('it is cut within a message head')
    if (view.getInt32(at, true) !== -1)
      damaged('a message does not begin with the marker FF FF FF FF')
    const size = view.getInt32(at + 4, true)
    if (size === 0) return { ended: true, compressed }
    const start = at + 8
    if (size < 0 || start + size > bytes.length) damaged('it is cut within a message head')
    const head: Buffer = {
      bytes: bytes.subarray(start, start + size),
      view: new DataView(bytes.buffer, bytes.byteOffset + start, size),
      budget: MAX_TABLES,
    }
    const message = table(head, 0)
    const bodyLength = message.int64(10) ?? 0
    const body = start + size
    if (bodyLength < 0 || body + bodyLength > bytes.length)
      damaged('it is cut within a message body')
    const header = message.table(8)
    if (header !== null)
      compressed = verifyHeader(message.uint8(6) ?? 0, header, bodyLength) || compressed
    at = body + bodyLength
  }
  return { ended: false, compressed }
}

function verifyHeader(type: number, header: TableAt, bodyLength: number): boolean {
  switch (type) {
    case HEADER.schema:
      header.tables(6, verifyField)
      header.tables(8, verifyKeyValue)
      return false
    case HEADER.record:
      return verifyBatch(header, bodyLength)
    case HEADER.dictionary: {
      const data = header.table(6)
      return data === null ? false : verifyBatch(data, bodyLength)
    }
    default:
      return damaged(`a message is of the unknown type ${type}`)
  }
}

function verifyField(field: TableAt): void {
  field.string(4)
  if (field.uint8(8) === TYPE_UNION) damaged('a column is a union')
  field.table(10)
  field.table(12)?.table(6)
  field.tables(14, verifyField)
  field.tables(16, verifyKeyValue)
}

function verifyKeyValue(pair: TableAt): void {
  pair.string(4)
  pair.string(6)
}

/** Nodes must be non-negative and no longer than the batch allows; buffers must lie in the body. */
function verifyBatch(batch: TableAt, bodyLength: number): boolean {
  const rows = batch.int64(4) ?? 0
  if (rows < 0 || rows > bodyLength * 8) damaged(`a batch claims ${rows} rows`)
  batch.structs(6, 16, (node) => {
    const length = node.int64(0)
    const nulls = node.int64(8)
    if (length < 0 || length > Math.max(rows, bodyLength * 8) || nulls < 0 || nulls > length)
      damaged(`a column claims ${length} values, ${nulls} of them null`)
  })
  batch.structs(8, 16, (region) => {
    const offset = region.int64(0)
    const length = region.int64(8)
    if (offset < 0 || length < 0 || offset + length > bodyLength || offset % 8 !== 0)
      damaged('a buffer lies outside of its message')
  })
  batch.structs(12, 8, () => {})
  return batch.table(10) !== null
}

interface TableAt {
  uint8(field: number): number | null
  int64(field: number): number | null
  string(field: number): void
  table(field: number): TableAt | null
  tables(field: number, visit: (table: TableAt) => void): void
  structs(
    field: number,
    size: number,
    visit: (struct: { int64(offset: number): number }) => void,
  ): void
}

/** A flatbuffer table that the 32-bit offset at `index` points to. */
function table(buffer: Buffer, index: number): TableAt {
  if (--buffer.budget < 0) damaged('its head has too many tables')
  const { view } = buffer
  const at = index + int32(buffer, index)
  const vtable = at - int32(buffer, at)
  const size = uint16(buffer, vtable)
  // As decoders do: an entry beyond the vtable, or zero, is absent.
  const place = (field: number): number | null => {
    if (field >= size) return null
    const offset = uint16(buffer, vtable + field)
    return offset === 0 ? null : at + offset
  }
  const vector = (field: number, width: number): { start: number; count: number } | null => {
    const here = place(field)
    if (here === null) return null
    const start = here + int32(buffer, here)
    const count = int32(buffer, start)
    if (count < 0) damaged('a list in its head has a negative length')
    inside(buffer, start + 4, count * width)
    return { start: start + 4, count }
  }
  return {
    uint8(field) {
      const here = place(field)
      if (here === null) return null
      inside(buffer, here, 1)
      return view.getUint8(here)
    },
    int64(field) {
      const here = place(field)
      return here === null ? null : int64(buffer, here)
    },
    string(field) {
      vector(field, 1)
    },
    table(field) {
      const here = place(field)
      return here === null ? null : table(buffer, here)
    },
    tables(field, visit) {
      const list = vector(field, 4)
      for (let i = 0; list !== null && i < list.count; i++) visit(table(buffer, list.start + i * 4))
    },
    structs(field, width, visit) {
      const list = vector(field, width)
      for (let i = 0; list !== null && i < list.count; i++) {
        const start = list.start + i * width
        visit({ int64: (offset) => int64(buffer, start + offset) })
      }
    },
  }
}

function inside(buffer: Buffer, at: number, length: number): void {
  if (at < 0 || at + length > buffer.bytes.length) damaged('an offset in its head points outside')
}

function int32(buffer: Buffer, at: number): number {
  inside(buffer, at, 4)
  return buffer.view.getInt32(at, true)
}

function uint16(buffer: Buffer, at: number): number {
  inside(buffer, at, 2)
  return buffer.view.getUint16(at, true)
}

function int64(buffer: Buffer, at: number): number {
  inside(buffer, at, 8)
  return Number(buffer.view.getBigInt64(at, true))
}

function damaged(what: string): never {
  throw new DamagedArrow(what)
}
