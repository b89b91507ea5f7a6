import type { Kysely } from 'kysely'
import type { StreamName } from '../../analysis/schema/stream.ts'
import type { Tables } from './tables.ts'

/** One stored chunk without its bytes. */
export interface ChunkInfo {
  readonly process_id: string
  readonly stream: StreamName
  readonly seq: number
  readonly sha256: string
  readonly size_bytes: number
  readonly row_count: number
}
export interface StoredChunk extends ChunkInfo {
  readonly bytes: Uint8Array
}

/** The chunks of a run, of one stream or of all, by process, stream and number. */
export async function listChunks(
  db: Kysely<Tables>,
  run_id: string,
  stream?: StreamName,
): Promise<ChunkInfo[]> {
  let query = db
    .selectFrom('chunk')
    .select(['process_id', 'stream', 'seq', 'sha256', 'size_bytes', 'row_count'])
    .where('run_id', '=', run_id)
  if (stream !== undefined) query = query.where('stream', '=', stream)
  const rows = await query.orderBy('process_id').orderBy('stream').orderBy('seq').execute()
  return rows as ChunkInfo[]
}

/** The same with their bytes, one after the other: a run's rows need not lie in memory at once. */
export async function* readChunks(
  db: Kysely<Tables>,
  run_id: string,
  stream?: StreamName,
): AsyncGenerator<StoredChunk> {
  for (const info of await listChunks(db, run_id, stream)) {
    const { bytes } = await db
      .selectFrom('chunk')
      .select('bytes')
      .where('run_id', '=', run_id)
      .where('process_id', '=', info.process_id)
      .where('stream', '=', info.stream)
      .where('seq', '=', info.seq)
      .executeTakeFirstOrThrow()
    yield { ...info, bytes }
  }
}

/** The bytes of one chunk; null: there is none. */
export async function chunkBytes(
  db: Kysely<Tables>,
  at: { readonly run_id: string } & Pick<ChunkInfo, 'process_id' | 'stream' | 'seq'>,
): Promise<Uint8Array | null> {
  const row = await db
    .selectFrom('chunk')
    .select('bytes')
    .where('run_id', '=', at.run_id)
    .where('process_id', '=', at.process_id)
    .where('stream', '=', at.stream)
    .where('seq', '=', at.seq)
    .executeTakeFirst()
  return row?.bytes ?? null
}

export interface StreamCount {
  readonly stream: string
  readonly chunks: number
  readonly rows: number
  readonly bytes: number
}

/** How much of each stream is there. */
export async function countStreams(db: Kysely<Tables>, run_id: string): Promise<StreamCount[]> {
  const rows = await db
    .selectFrom('chunk')
    .select((eb) => [
      'stream',
      eb.fn.countAll<number>().as('chunks'),
      eb.fn.sum<number>('row_count').as('rows'),
      eb.fn.sum<number>('size_bytes').as('bytes'),
    ])
    .where('run_id', '=', run_id)
    .groupBy('stream')
    .orderBy('stream')
    .execute()
  return rows.map((r) => ({
    stream: r.stream,
    chunks: Number(r.chunks),
    rows: Number(r.rows),
    bytes: Number(r.bytes),
  }))
}
