import type { Kysely } from 'kysely'
import { canonicalJson } from '../../analysis/schema/key.ts'
import type { Seal } from '../../analysis/schema/wire.ts'
import type { Tables } from './tables.ts'

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
