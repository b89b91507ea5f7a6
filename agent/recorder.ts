import { encodeChunk } from '../analysis/schema/arrow.ts'
import type { Redactor } from '../analysis/schema/redact.ts'
import { redactRows } from '../analysis/schema/redact-chunk.ts'
import type { Row, StreamName } from '../analysis/schema/stream.ts'
import { type ChunkKey, MAX_CHUNK_BYTES, type Seal } from '../analysis/schema/wire.ts'
import type { Clock } from './clock.ts'
import type { Spool } from './spool.ts'

/** A chunk that is durable. */
export interface WrittenChunk extends ChunkKey {
  readonly rows: number
  readonly bytes: number
  /** From the first row's `add` to being durable: what a kill could have lost, about `maxAgeMs` at most on a sound disk. */
  readonly age_ms: number
}

export interface RecorderOptions {
  readonly spool: Pick<Spool, 'writeChunk'>
  readonly clock: Pick<Clock, 'now'>
  /** A row waits at most this long before it is written. */
  readonly maxAgeMs?: number
  readonly maxRows?: number
  readonly maxBytes?: number
  readonly onChunk?: (chunk: WrittenChunk) => void
  /** Redacts what programs wrote into rows, when a chunk is cut. */
  readonly redactor?: Redactor
}

/** Takes rows from everything that measures and makes them durable, chunk by chunk. */
export interface Recorder {
  /** Never throws and never waits. Rows that come after `close` are not part of the run. */
  add<S extends StreamName>(process_id: string, stream: S, row: Row<S>): void
  addAll<S extends StreamName>(process_id: string, stream: S, rows: readonly Row<S>[]): void
  /** Writes what is buffered; resolves when it is durable, or could not be written (then `failed` resolves). */
  flush(): Promise<void>
  /** Flushes and takes no more rows. */
  close(): Promise<void>
  /** The durable chunks of each stream: what the run's seal must say. */
  counts(): Seal['chunks']
  /** Resolves with the first error of writing. Rows that could not be written are tried again until `close`. */
  readonly failed: Promise<Error>
}

type AnyRow = Row<StreamName>

interface Buffer {
  readonly process_id: string
  readonly stream: StreamName
  rows: AnyRow[]
  bytes: number
  first_t_ns: number
  next_seq: number
  timer: NodeJS.Timeout | null
  /** Ends when what was cut is written: chunks of a stream are written one after the other, so that none is missing before another. */
  written: Promise<void>
}

/**
 * A recorder into a spool. Chunks are cut by age, rows and size, numbered from 0 without gaps, and have a number
 * only once they are durable.
 */
export function createRecorder(options: RecorderOptions): Recorder {
  const { spool, clock, maxAgeMs = 2_000, maxRows = 65_536 } = options
  const maxBytes = options.maxBytes ?? MAX_CHUNK_BYTES / 4
  const buffers = new Map<string, Buffer>()
  let closed = false
  let fail: (error: Error) => void = () => undefined
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })

  function bufferOf(process_id: string, stream: StreamName): Buffer {
    const key = `${process_id}/${stream}`
    let buffer = buffers.get(key)
    if (buffer === undefined) {
      const written = Promise.resolve()
      buffer = {
        process_id,
        stream,
        rows: [],
        bytes: 0,
        first_t_ns: 0,
        next_seq: 0,
        timer: null,
        written,
      }
      buffers.set(key, buffer)
    }
    return buffer
  }

  function add(buffer: Buffer, row: AnyRow): void {
    if (closed) return
    if (buffer.rows.length === 0) buffer.first_t_ns = clock.now()
    buffer.rows.push(row)
    buffer.bytes += roughBytes(row)
    if (buffer.rows.length === maxRows || buffer.bytes >= maxBytes) void cut(buffer)
    else buffer.timer ??= setTimeout(() => void cut(buffer), maxAgeMs)
  }

  function cut(buffer: Buffer): Promise<void> {
    if (buffer.timer !== null) clearTimeout(buffer.timer)
    buffer.timer = null
    buffer.written = buffer.written.then(() => write(buffer))
    return buffer.written
  }

  async function write(buffer: Buffer): Promise<void> {
    const { first_t_ns } = buffer
    const rows = redacted(buffer)
    buffer.rows = []
    buffer.bytes = 0
    let done = 0
    try {
      for (const piece of pieces(buffer.stream, rows, maxRows, fail)) {
        const { process_id, stream, next_seq: seq } = buffer
        if (piece.bytes !== null) {
          await spool.writeChunk({ process_id, stream, seq }, piece.bytes)
          buffer.next_seq++
        }
        done += piece.rows
        if (piece.bytes === null) continue
        const age_ms = (clock.now() - first_t_ns) / 1e6
        const { rows, bytes } = piece
        options.onChunk?.({ process_id, stream, seq, rows, bytes: bytes.length, age_ms })
      }
    } catch (error) {
      // The rest goes back to the front: the same rows, once, when the disk takes them again.
      buffer.rows = rows.slice(done).concat(buffer.rows)
      buffer.first_t_ns = first_t_ns
      if (!closed) buffer.timer ??= setTimeout(() => void cut(buffer), maxAgeMs)
      fail(error instanceof Error ? error : new Error(String(error)))
    }
  }

  function redacted({ rows, stream }: Buffer): readonly AnyRow[] {
    const { redactor } = options
    return redactor === undefined ? rows : redactRows(stream, rows, redactor)
  }

  async function flush(): Promise<void> {
    await Promise.all([...buffers.values()].map(cut))
  }

  return {
    add: (process_id, stream, row) => add(bufferOf(process_id, stream), row as AnyRow),
    addAll(process_id, stream, rows) {
      const buffer = bufferOf(process_id, stream)
      for (const row of rows) add(buffer, row as AnyRow)
    },
    flush,
    close() {
      closed = true
      return flush()
    },
    counts: () =>
      [...buffers.values()]
        .filter((b) => b.next_seq > 0)
        .map(({ process_id, stream, next_seq }) => ({ process_id, stream, count: next_seq })),
    failed,
  }
}

/**
 * Rows as encoded chunks that a server takes. Where too many bytes come out, or a row can't be encoded, the rows
 * are halved; a single row that is still too large or wrong is reported and left out (bytes null), since it would
 * hold back every later one.
 */
function* pieces(
  stream: StreamName,
  rows: readonly AnyRow[],
  maxRows: number,
  report: (error: Error) => void,
): Generator<{ rows: number; bytes: Uint8Array | null }> {
  if (rows.length === 0) return
  if (rows.length <= maxRows) {
    const encoded = tryEncode(stream, rows)
    if (encoded instanceof Uint8Array) return yield { rows: rows.length, bytes: encoded }
    if (rows.length === 1) {
      report(encoded)
      return yield { rows: 1, bytes: null }
    }
  }
  const half = Math.min(maxRows, Math.ceil(rows.length / 2))
  yield* pieces(stream, rows.slice(0, half), maxRows, report)
  yield* pieces(stream, rows.slice(half), maxRows, report)
}

function tryEncode(stream: StreamName, rows: readonly AnyRow[]): Uint8Array | Error {
  try {
    const bytes = encodeChunk(stream, rows)
    if (bytes.length <= MAX_CHUNK_BYTES) return bytes
    return new Error(
      `A row of stream ${stream} takes ${bytes.length} bytes and was not recorded; a chunk holds at most ${MAX_CHUNK_BYTES}.`,
    )
  } catch (error) {
    return new Error(
      `A row of stream ${stream} can't be encoded and was not recorded (${error instanceof Error ? error.message : String(error)}).`,
    )
  }
}

/** About what the row takes in Arrow: 8 bytes a number, a dictionary entry for a text, lists by length. */
function roughBytes(row: AnyRow): number {
  let bytes = 0
  for (const cell of Object.values(row) as unknown[])
    bytes +=
      typeof cell === 'string' ? 8 + cell.length : Array.isArray(cell) ? 8 + 8 * cell.length : 8
  return bytes
}
