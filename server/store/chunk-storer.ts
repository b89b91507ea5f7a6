import type Database from 'better-sqlite3'
import type { StreamName } from '../../analysis/schema/stream.ts'
import type { ChunkRow, RunRow } from './tables.ts'

export interface NewChunk {
  readonly run_id: string
  readonly process_id: string
  readonly stream: StreamName
  readonly seq: number
  readonly sha256: string
  readonly row_count: number
  readonly bytes: Uint8Array
}

export type ChunkResult =
  | 'stored'
  | 'same'
  | 'no_run'
  | 'no_process'
  | 'sealed'
  | { conflict: string }

/**
 * Makes the function that stores a chunk, whole or not at all, and only in an open run: call it within a transaction.
 * Its statements are prepared here, once. Plain VALUES: bytes that come through a SELECT are copied once more.
 */
export function chunkStorer(
  raw: Database.Database,
): (chunk: NewChunk, received_at: string) => ChunkResult {
  const place = raw.prepare<[NewChunk], Pick<RunRow, 'state'> & { known: 0 | 1 }>(
    `select run.state, process.process_id is not null as known
     from run left join process on process.run_id = run.run_id and process.process_id = @process_id
     where run.run_id = @run_id`,
  )
  const insert = raw.prepare<[ChunkRow]>(
    `insert into chunk (run_id, process_id, stream, seq, sha256, size_bytes, row_count, received_at, bytes)
     values (@run_id, @process_id, @stream, @seq, @sha256, @size_bytes, @row_count, @received_at, @bytes)
     on conflict (run_id, process_id, stream, seq) do nothing`,
  )
  const there = raw.prepare<[NewChunk], Pick<ChunkRow, 'sha256'>>(
    `select sha256 from chunk
     where run_id = @run_id and process_id = @process_id and stream = @stream and seq = @seq`,
  )
  return (chunk, received_at) => {
    const at = place.get(chunk)
    if (at?.state === 'open' && at.known) {
      const row = { ...chunk, size_bytes: chunk.bytes.byteLength, received_at }
      if (insert.run(row).changes === 1) return 'stored'
    }
    const stored = there.get(chunk)
    if (stored) return stored.sha256 === chunk.sha256 ? 'same' : { conflict: stored.sha256 }
    if (at === undefined) return 'no_run'
    return at.state === 'sealed' ? 'sealed' : 'no_process'
  }
}
