import { type FileHandle, open } from 'node:fs/promises'
import { checkPlain, FileError } from '../read-file.ts'
import { EngineError } from './engine.ts'
import { FILE_TYPES, TENSOR_TYPES } from './gguf-types.ts'

/** What a GGUF file says of its model. Null where it does not say. */
export interface Gguf {
  readonly architecture: string | null
  readonly name: string | null
  readonly quantisation: string | null
  /** Values in all tensors. */
  readonly parameters: number
  readonly layers: number | null
  readonly embedding_length: number | null
  readonly context_tokens: number | null
  readonly heads: number | null
  readonly kv_heads: number | null
  /** The file says that its weights are random. */
  readonly synthetic_weights: boolean
}

const READ_BYTES = 1 << 20
const SYSTEM_CODE = /^E[A-Z]+$/
/** Bytes of the fixed-size value types: u8 i8 u16 i16 u32 i32 f32 bool, then string, array, u64 i64 f64. */
const VALUE_BYTES: readonly (number | null)[] = [1, 1, 2, 2, 4, 4, 4, 1, null, null, 8, 8, 8]
const STRING = 8
const ARRAY = 9

/**
 * Reads the header of a GGUF file and checks that the file is as long as its tensors need.
 * @throws EngineError (config) with the file's name, and for a short file the expected and the actual size
 * Source: ggml, docs/gguf.md, versions 2 and 3.
 */
export async function readGguf(path: string): Promise<Gguf> {
  let file: FileHandle
  try {
    checkPlain(path)
    file = await open(path, 'r')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof FileError && !SYSTEM_CODE.test(error.code))
      throw new EngineError('config', `The model file ${path} ${error.message} of GGUF`)
    throw new EngineError(
      'config',
      code === 'ENOENT'
        ? `The model file ${path} does not exist; give model.path a GGUF file, or drop it to have the weights found by model.id`
        : `The model file ${path} can't be read (${code}); check its permissions`,
    )
  }
  try {
    const { size } = await file.stat()
    return await parse(path, file, size)
  } finally {
    await file.close()
  }
}

async function parse(path: string, file: FileHandle, size: number): Promise<Gguf> {
  const bad = (what: string) =>
    new EngineError(
      'config',
      `The model file ${path} ${what}; give a whole GGUF file, or remove it to have it fetched again`,
    )
  const read = createCursor(file, size, () =>
    bad(`is truncated: its header goes on past its end at ${size} bytes`),
  )
  const magic = size < 24 ? '' : (await read.bytes(4)).toString('latin1')
  if (magic !== 'GGUF')
    throw bad(`is no GGUF file (${size} bytes, beginning with ${JSON.stringify(magic)})`)
  const version = await read.u32()
  if (version !== 2 && version !== 3) throw bad(`has GGUF version ${version}, not 2 or 3`)
  const tensors = await read.u64()
  const pairs = await read.u64()
  const meta = new Map<string, unknown>()
  for (let i = 0; i < pairs; i++) {
    const key = (await read.string()).toString()
    meta.set(key, await readValue(read, await read.u32(), bad))
  }
  let parameters = 0
  let dataEnd: number | null = 0
  for (let i = 0; i < tensors; i++) {
    await read.string()
    const dimensions = await read.u32()
    let values = 1
    for (let d = 0; d < dimensions; d++) values *= await read.u64()
    const type = TENSOR_TYPES[await read.u32()]
    const offset = await read.u64()
    parameters += values
    // A type of a newer ggml: how long the file must be is then unknown.
    if (type === undefined) dataEnd = null
    else if (dataEnd !== null)
      dataEnd = Math.max(dataEnd, offset + Math.ceil(values / type[0]) * type[1])
  }
  const alignment = Number(meta.get('general.alignment') ?? 32)
  const expected = dataEnd === null ? null : Math.ceil(read.at() / alignment) * alignment + dataEnd
  if (expected !== null && size < expected)
    throw bad(`is truncated: ${expected} bytes expected, ${size} there`)
  const architecture = text(meta.get('general.architecture'))
  const of = (key: string) => number(meta.get(`${architecture}.${key}`))
  return {
    architecture,
    name: text(meta.get('general.name')),
    quantisation: FILE_TYPES[number(meta.get('general.file_type')) ?? -1] ?? null,
    parameters,
    layers: of('block_count'),
    embedding_length: of('embedding_length'),
    context_tokens: of('context_length'),
    heads: of('attention.head_count'),
    kv_heads: of('attention.head_count_kv'),
    synthetic_weights: meta.get('llem.synthetic_weights') === true,
  }
}

const text = (v: unknown) => (typeof v === 'string' ? v : null)
const number = (v: unknown) => (typeof v === 'number' ? v : null)

type Cursor = ReturnType<typeof createCursor>

/** A value; arrays are passed over, since a vocabulary is no concern here. */
async function readValue(read: Cursor, type: number, bad: (what: string) => Error) {
  if (type === STRING) return (await read.string()).toString()
  if (type === ARRAY) {
    const inner = await read.u32()
    const length = await read.u64()
    const bytes = VALUE_BYTES[inner]
    if (inner === STRING) for (let i = 0; i < length; i++) await read.skipString()
    else if (typeof bytes === 'number') read.skip(length * bytes)
    else throw bad(`holds an array of type ${inner}, which GGUF does not know`)
    return null
  }
  const bytes = VALUE_BYTES[type]
  if (typeof bytes !== 'number')
    throw bad(`holds a value of type ${type}, which GGUF does not know`)
  const value = await read.bytes(bytes)
  if (type === 7) return value[0] !== 0
  if (type === 6) return value.readFloatLE()
  if (type === 12) return value.readDoubleLE()
  if (type === 10) return Number(value.readBigUInt64LE())
  if (type === 11) return Number(value.readBigInt64LE())
  return type % 2 === 0 ? value.readUIntLE(0, bytes) : value.readIntLE(0, bytes)
}

function createCursor(file: FileHandle, size: number, past: () => Error) {
  let buffer = Buffer.alloc(0)
  let start = 0
  let at = 0
  async function bytes(n: number): Promise<Buffer> {
    if (n > size - at) throw past()
    if (at < start || at + n > start + buffer.length) {
      const next = Buffer.alloc(Math.max(n, Math.min(READ_BYTES, size - at)))
      const { bytesRead } = await file.read(next, 0, next.length, at)
      if (bytesRead < n) throw past()
      buffer = next.subarray(0, bytesRead)
      start = at
    }
    const slice = buffer.subarray(at - start, at - start + n)
    at += n
    return slice
  }
  const u32 = async () => (await bytes(4)).readUInt32LE()
  const u64 = async () => Number((await bytes(8)).readBigUInt64LE())
  return {
    bytes,
    u32,
    u64,
    string: async () => bytes(await u64()),
    skipString: async () => {
      const length = await u64()
      at += length
    },
    skip: (n: number) => {
      at += n
    },
    at: () => at,
  }
}
