import type { Kysely } from 'kysely'
import type { StreamName } from '../../analysis/schema/stream.ts'
import type { Tables } from './tables.ts'

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
 * Makes the function that stores a chunk in one statement, so that it is there whole or not at all, and only in an open
 * run. It is on disk when that returns (unless within a transaction). The statement is compiled here, once.
 */
export function chunkStorer(
  compiler: Kysely<Tables>,
): (db: Kysely<Tables>, chunk: NewChunk, now: string) => Promise<ChunkResult> {
  // A symbol stands where a value of the chunk goes.
  const place = <T>(column: string) => Symbol(column) as T
  const compiled = compiler
    .insertInto('chunk')
    .columns([
      'run_id',
      'process_id',
      'stream',
      'seq',
      'sha256',
      'size_bytes',
      'row_count',
      'received_at',
      'bytes',
    ])
    .expression((eb) =>
      eb
        .selectFrom('process')
        .innerJoin('run', 'run.run_id', 'process.run_id')
        .select([
          'process.run_id',
          'process.process_id',
          eb.val(place<string>('stream')).as('stream'),
          eb.val(place<number>('seq')).as('seq'),
          eb.val(place<string>('sha256')).as('sha256'),
          eb.val(place<number>('size_bytes')).as('size_bytes'),
          eb.val(place<number>('row_count')).as('row_count'),
          eb.val(place<string>('received_at')).as('received_at'),
          eb.val(place<Uint8Array>('bytes')).as('bytes'),
        ])
        .where('process.run_id', '=', place<string>('run_id'))
        .where('process.process_id', '=', place<string>('process_id'))
        .where('run.state', '=', 'open'),
    )
    .onConflict((c) => c.columns(['run_id', 'process_id', 'stream', 'seq']).doNothing())
    .compile()
  return async (db, chunk, received_at) => {
    const row: Record<string, unknown> = {
      ...chunk,
      size_bytes: chunk.bytes.byteLength,
      received_at,
    }
    const parameters = compiled.parameters.map((p) =>
      typeof p === 'symbol' ? row[p.description as string] : p,
    )
    const { numAffectedRows } = await db.executeQuery({ ...compiled, parameters })
    return numAffectedRows === 1n ? 'stored' : whyNotStored(db, chunk)
  }
}

async function whyNotStored(db: Kysely<Tables>, chunk: NewChunk): Promise<ChunkResult> {
  const there = await db
    .selectFrom('chunk')
    .select('sha256')
    .where('run_id', '=', chunk.run_id)
    .where('process_id', '=', chunk.process_id)
    .where('stream', '=', chunk.stream)
    .where('seq', '=', chunk.seq)
    .executeTakeFirst()
  if (there) return there.sha256 === chunk.sha256 ? 'same' : { conflict: there.sha256 }
  const run = await db
    .selectFrom('run')
    .select('state')
    .where('run_id', '=', chunk.run_id)
    .executeTakeFirst()
  if (!run) return 'no_run'
  return run.state === 'sealed' ? 'sealed' : 'no_process'
}
