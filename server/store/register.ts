import type { Kysely } from 'kysely'
import type { RunFile } from '../../analysis/schema/run.ts'
import { sameRunText } from '../redact-incoming.ts'
import { runFacts } from './run-facts.ts'
import { sha256 } from './sha256.ts'
import type { Tables } from './tables.ts'
import { putRunValues } from './value-sets.ts'

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
      value_set_id: await putRunValues(db, file),
    })
    .onConflict((c) => c.column('run_id').doNothing())
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows === 0n) {
    const there = await db
      .selectFrom('run')
      .select(['sha256', 'registered_sha256', 'run_json'])
      .where('run_id', '=', run_id)
      .executeTakeFirstOrThrow()
    return hash === there.sha256 ||
      hash === there.registered_sha256 ||
      sameRunText(text, there.run_json)
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
    .select(['sha256', 'state', 'run_json'])
    .where('run_id', '=', run_id)
    .executeTakeFirst()
  if (!there) return 'no_run'
  if (there.sha256 === hash || sameRunText(text, there.run_json)) return 'same'
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
      value_set_id: await putRunValues(db, file),
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
