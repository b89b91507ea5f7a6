import type { Kysely } from 'kysely'
import { ChunkError } from '../../analysis/schema/arrow.ts'
import { parseJson, toJson } from '../../analysis/schema/json.ts'
import type { Redactor } from '../../analysis/schema/redact.ts'
import { redactChunk } from '../../analysis/schema/redact-chunk.ts'
import { type RunRedactor, redactRunFile, runRedactor } from '../../analysis/schema/redact-run.ts'
import type { Hide } from '../../analysis/schema/redacted.ts'
import { RunFileError, readRunFile } from '../run-file.ts'
import { readChunks } from './chunks.ts'
import { eraseLater } from './erase-freed.ts'
import { runFacts } from './run-facts.ts'
import { sha256 } from './sha256.ts'
import type { RunRow, Tables } from './tables.ts'

/** The version of a database from which on nothing is stored in clear. */
export const REDACTED_SINCE = 7

/**
 * Redacts what an earlier version stored in clear: run.json, texts of chunks, reasons, cached summaries. Hashes follow,
 * also those that could be used to try out what a value was. An experiment whose key changes keeps its former one as a
 * reference. Call it within the transaction that migrates.
 */
export async function redactStored(db: Kysely<Tables>, hide: Hide): Promise<void> {
  let changed = false
  for (const { run_id } of await db.selectFrom('run').select('run_id').execute()) {
    const row = await db
      .selectFrom('run')
      .selectAll()
      .where('run_id', '=', run_id)
      .executeTakeFirstOrThrow()
    if (await redactRun(db, row, hide)) changed = true
  }
  if (changed) await eraseLater(db)
}

async function redactRun(db: Kysely<Tables>, row: RunRow, hide: Hide): Promise<boolean> {
  const value = objectOf(row.run_json)
  const experiment = (value?.['run'] as { experiment?: unknown } | null | undefined)?.experiment
  const redactor = runRedactor(experiment, hide)
  let changed = await redactChunks(db, row.run_id, redactor.heard)
  const reason = row.reason === null ? null : redactor.heard.text(row.reason)
  const seal_json = row.seal_json === null ? null : jsonWith(row.seal_json, redactor.heard)
  if (reason !== row.reason || seal_json !== row.seal_json) {
    await db
      .updateTable('run')
      .set({ reason, seal_json })
      .where('run_id', '=', row.run_id)
      .execute()
    changed = true
  }
  // What can't be read is reported by `check`; it stays as it is.
  if (value !== null && (await redactDescription(db, row, value, redactor))) changed = true
  if (changed) await redactSummaries(db, row.run_id, redactor)
  return changed
}

async function redactDescription(
  db: Kysely<Tables>,
  row: RunRow,
  value: object,
  redactor: RunRedactor,
): Promise<boolean> {
  const redacted = redactRunFile(value, redactor)
  if (redacted === value) return false
  const text = `${toJson(redacted, 2)}\n`
  const hash = sha256(text)
  const facts = factsOf(text)
  await db
    .updateTable('run')
    .set({ ...facts, run_json: text, sha256: hash, registered_sha256: hash })
    .where('run_id', '=', row.run_id)
    .execute()
  if (facts !== null && facts.experiment_key !== row.experiment_key)
    await db
      .insertInto('former_key')
      .values({ former_key: row.experiment_key, run_id: row.run_id })
      .onConflict((c) => c.doNothing())
      .execute()
  // The trail of an import names the hash of the text in clear.
  for (const { audit_id, detail } of await db
    .selectFrom('audit')
    .select(['audit_id', 'detail'])
    .where('run_id', '=', row.run_id)
    .where('action', '=', 'import_run')
    .execute())
    await db
      .updateTable('audit')
      .set({ detail: detail.replaceAll(row.sha256, hash) })
      .where('audit_id', '=', audit_id)
      .execute()
  return true
}

async function redactChunks(
  db: Kysely<Tables>,
  run_id: string,
  redactor: Redactor,
): Promise<boolean> {
  let changed = false
  for (const stream of ['event', 'request', 'engine'] as const)
    for await (const { process_id, seq, bytes } of readChunks(db, run_id, stream)) {
      let kept: Uint8Array
      try {
        kept = redactChunk(stream, bytes, redactor)
      } catch (error) {
        if (error instanceof ChunkError) continue
        throw error
      }
      if (kept === bytes) continue
      changed = true
      await db
        .updateTable('chunk')
        .set({ bytes: kept, sha256: sha256(kept), size_bytes: kept.byteLength })
        .where('run_id', '=', run_id)
        .where('process_id', '=', process_id)
        .where('stream', '=', stream)
        .where('seq', '=', seq)
        .execute()
    }
  return changed
}

/** Cached summaries quote run.json and name the experiment by its key. */
async function redactSummaries(
  db: Kysely<Tables>,
  run_id: string,
  { heard }: RunRedactor,
): Promise<void> {
  const { experiment_key } = await db
    .selectFrom('run')
    .select('experiment_key')
    .where('run_id', '=', run_id)
    .executeTakeFirstOrThrow()
  for (const { analysis_version, json } of await db
    .selectFrom('summary')
    .select(['analysis_version', 'json'])
    .where('run_id', '=', run_id)
    .execute())
    await db
      .updateTable('summary')
      .set({ json: toJson({ ...heard.value(parseJson(json) as object), experiment_key }) })
      .where('run_id', '=', run_id)
      .where('analysis_version', '=', analysis_version)
      .execute()
}

function factsOf(text: string) {
  try {
    return runFacts(readRunFile(Buffer.from(text)).file)
  } catch (error) {
    if (error instanceof RunFileError) return null
    throw error
  }
}

function jsonWith(text: string, redactor: Redactor): string {
  const value = objectOf(text)
  if (value === null) return redactor.text(text)
  const [before, after] = [toJson(value), toJson(redactor.value(value))]
  return before === after ? text : after
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value = parseJson(text)
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
