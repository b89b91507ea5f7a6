import type { Kysely } from 'kysely'
import { canonicalJson } from '../../analysis/schema/key.ts'
import type { RunFile } from '../../analysis/schema/run.ts'
import type { StreamName } from '../../analysis/schema/stream.ts'
import type { Seal } from '../../analysis/schema/wire.ts'
import { runFacts } from './run-facts.ts'
import { sha256 } from './sha256.ts'
import type { Tables } from './tables.ts'

/** The text of a run.json as it came, and what was read from it. */
export interface RunText {
  readonly text: string
  readonly file: RunFile
}

/** Registers a run. `same`: it is there with these bytes, as they first came or as they are now. */
export async function registerRun(
  db: Kysely<Tables>,
  { text, file }: RunText,
  now: string,
): Promise<'created' | 'same' | { conflict: string }> {
  const hash = sha256(text)
  const { run_id } = file.run
  const facts = runFacts(file)
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('run')
    .values({
      ...facts,
      run_id,
      source: 'local',
      state: 'open',
      run_json: text,
      sha256: hash,
      registered_sha256: hash,
      outcome: file.run.outcome ?? null,
      reason: file.run.reason ?? null,
      created_at: now,
      archived: 0,
    })
    .onConflict((c) => c.column('run_id').doNothing())
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows === 0n) {
    const there = await db
      .selectFrom('run')
      .select(['sha256', 'registered_sha256'])
      .where('run_id', '=', run_id)
      .executeTakeFirstOrThrow()
    return hash === there.sha256 || hash === there.registered_sha256
      ? 'same'
      : { conflict: there.sha256 }
  }
  await addProcesses(db, file)
  await addTags(db, file)
  return 'created'
}

export type UpdateResult =
  | 'updated'
  | 'same'
  | 'no_run'
  | 'sealed'
  /** The new text lacks a process of which chunks are stored. */
  | { process_in_use: string }

/** Replaces the run.json of an open run. */
export async function updateRun(
  db: Kysely<Tables>,
  { text, file }: RunText,
): Promise<UpdateResult> {
  const hash = sha256(text)
  const { run_id } = file.run
  const there = await db
    .selectFrom('run')
    .select(['sha256', 'state'])
    .where('run_id', '=', run_id)
    .executeTakeFirst()
  if (!there) return 'no_run'
  if (there.sha256 === hash) return 'same'
  if (there.state === 'sealed') return 'sealed'
  const named = new Set(file.processes.map((p) => p.process_id))
  const processes = await db
    .selectFrom('process')
    .select('process_id')
    .where('run_id', '=', run_id)
    .execute()
  for (const { process_id } of processes.filter((p) => !named.has(p.process_id))) {
    const chunk = await db
      .selectFrom('chunk')
      .select('seq')
      .where('run_id', '=', run_id)
      .where('process_id', '=', process_id)
      .limit(1)
      .executeTakeFirst()
    if (chunk) return { process_in_use: process_id }
    await db
      .deleteFrom('process')
      .where('run_id', '=', run_id)
      .where('process_id', '=', process_id)
      .execute()
  }
  await db
    .updateTable('run')
    .set({
      ...runFacts(file),
      run_json: text,
      sha256: hash,
      outcome: file.run.outcome ?? null,
      reason: file.run.reason ?? null,
    })
    .where('run_id', '=', run_id)
    .execute()
  await addProcesses(db, file)
  await addTags(db, file)
  return 'updated'
}

async function addProcesses(db: Kysely<Tables>, file: RunFile): Promise<void> {
  const ids = [...new Set(file.processes.map((p) => p.process_id))]
  for (const process_id of ids)
    await db
      .insertInto('process')
      .values({ run_id: file.run.run_id, process_id })
      .onConflict((c) => c.columns(['run_id', 'process_id']).doNothing())
      .execute()
}

/** Tags of the configuration; a person's later change stands. */
async function addTags(db: Kysely<Tables>, file: RunFile): Promise<void> {
  const tags = file.run.experiment['tags']
  if (tags === null || typeof tags !== 'object') return
  for (const [key, value] of Object.entries(tags))
    await db
      .insertInto('run_tag')
      .values({ run_id: file.run.run_id, key, value: String(value) })
      .onConflict((c) => c.columns(['run_id', 'key']).doNothing())
      .execute()
}

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
 * Stores one chunk in one statement, so that it is there whole or not at all, and only in an open run. It is on disk
 * when this returns (unless within a transaction).
 */
export async function storeChunk(
  db: Kysely<Tables>,
  chunk: NewChunk,
  now: string,
): Promise<ChunkResult> {
  const { run_id, process_id, stream, seq } = chunk
  const { numInsertedOrUpdatedRows } = await db
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
          eb.val(stream).as('stream'),
          eb.val(seq).as('seq'),
          eb.val(chunk.sha256).as('sha256'),
          eb.val(chunk.bytes.byteLength).as('size_bytes'),
          eb.val(chunk.row_count).as('row_count'),
          eb.val(now).as('received_at'),
          eb.val(chunk.bytes).as('bytes'),
        ])
        .where('process.run_id', '=', run_id)
        .where('process.process_id', '=', process_id)
        .where('run.state', '=', 'open'),
    )
    .onConflict((c) => c.columns(['run_id', 'process_id', 'stream', 'seq']).doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n ? 'stored' : whyNotStored(db, chunk)
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

/** A chunk by its place, as answers name it. */
export interface ChunkPlace {
  readonly process_id: string
  readonly stream: string
  readonly seq: number
}

export type SealResult =
  | 'sealed'
  | 'same'
  | 'no_run'
  | 'other_seal'
  | { outcome_in_run: string }
  | { missing: readonly ChunkPlace[]; surplus: readonly ChunkPlace[] }

/** Finishes a run, if exactly the chunks that the seal counts are there. */
export async function sealRun(
  db: Kysely<Tables>,
  run_id: string,
  seal: Seal,
  now: string,
): Promise<SealResult> {
  const run = await db
    .selectFrom('run')
    .select(['state', 'seal_json', 'outcome', 'reason'])
    .where('run_id', '=', run_id)
    .executeTakeFirst()
  if (!run) return 'no_run'
  const seal_json = canonicalJson({
    outcome: seal.outcome,
    reason: seal.reason ?? null,
    chunks: Object.fromEntries(
      seal.chunks.filter((c) => c.count > 0).map((c) => [`${c.process_id}/${c.stream}`, c.count]),
    ),
  })
  if (run.state === 'sealed') return run.seal_json === seal_json ? 'same' : 'other_seal'
  if (run.outcome !== null && run.outcome !== seal.outcome) return { outcome_in_run: run.outcome }
  const difference = await compareChunks(db, run_id, seal)
  if (difference.missing.length > 0 || difference.surplus.length > 0) return difference
  await db
    .updateTable('run')
    .set({
      state: 'sealed',
      sealed_at: now,
      seal_json,
      outcome: seal.outcome,
      reason: seal.reason ?? run.reason,
    })
    .where('run_id', '=', run_id)
    .execute()
  return 'sealed'
}

/** So many places are named in an answer at most. */
const NAMED = 100

async function compareChunks(db: Kysely<Tables>, run_id: string, seal: Seal) {
  const rows = await db
    .selectFrom('chunk')
    .select(['process_id', 'stream', 'seq'])
    .where('run_id', '=', run_id)
    .orderBy('process_id')
    .orderBy('stream')
    .orderBy('seq')
    .execute()
  const key = (c: { process_id: string; stream: string }) => `${c.process_id}/${c.stream}`
  const counts = new Map(seal.chunks.map((c) => [key(c), c.count]))
  const there = new Set(rows.map((r) => `${key(r)}/${r.seq}`))
  const surplus = rows.filter((r) => r.seq >= (counts.get(key(r)) ?? 0)).slice(0, NAMED)
  const missing: ChunkPlace[] = []
  for (const { process_id, stream, count } of seal.chunks)
    for (let seq = 0; seq < count && missing.length < NAMED; seq++)
      if (!there.has(`${process_id}/${stream}/${seq}`)) missing.push({ process_id, stream, seq })
  return { missing, surplus }
}
