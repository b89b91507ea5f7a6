import { gunzipSync } from 'node:zlib'
import type { Kysely } from 'kysely'
import { commonFacts } from '../../analysis/schema/fact.ts'
import type { Result } from '../../analysis/schema/result.ts'
import { writeAudit } from './audit.ts'
import { resultOf } from './result-payload.ts'
import type { ResultRow, Tables } from './tables.ts'
import { putValueSet, type Values, valuesOfResult } from './value-sets.ts'

/** A file as it came, packed, to be kept beside the results that were read from it. */
export interface ResultFile {
  /** Of the file itself, not of `gzip`. */
  readonly sha256: string
  readonly name: string
  readonly size_bytes: number
  readonly gzip: Uint8Array
}

export interface Inserted {
  readonly inserted: number
  /** Results that were there already, by their id. */
  readonly same: number
}

/** A result as its rows. */
export interface PreparedResult {
  readonly row: Omit<ResultRow, 'value_set_id'>
  readonly values: Values
  readonly metrics: readonly { readonly metric: string; readonly value: number }[]
}

/** Made before the transaction, for which all other writes wait. */
export const prepareResults = (results: readonly Result[], now: string): PreparedResult[] =>
  results.map((result) => ({
    row: rowOf(result, now),
    values: valuesOfResult(result),
    metrics: Object.entries(result.metrics).flatMap(([metric, { value }]) =>
      value === null ? [] : [{ metric, value }],
    ),
  }))

/**
 * Keeps results and their files. What is there already, by its hash, stays as it is, so that importing twice changes
 * nothing. Call it within a transaction: all or nothing.
 */
export async function insertResults(
  db: Kysely<Tables>,
  results: readonly PreparedResult[],
  files: readonly ResultFile[],
  now: string,
  actor: string,
): Promise<Inserted> {
  for (const file of files)
    await db
      .insertInto('result_file')
      .values({ ...file, imported_at: now })
      .onConflict((c) => c.doNothing())
      .execute()
  let inserted = 0
  for (let i = 0; i < results.length; i += ROWS_AT_ONCE) {
    const batch = results.slice(i, i + ROWS_AT_ONCE)
    const rows: ResultRow[] = []
    for (const { row, values } of batch)
      rows.push({ ...row, value_set_id: await putValueSet(db, values) })
    const done = await db
      .insertInto('result')
      .values(rows)
      .onConflict((c) => c.doNothing())
      .returning('result_id')
      .execute()
    const fresh = new Set(done.map((d) => d.result_id))
    inserted += fresh.size
    const values = batch.flatMap(({ row: { result_id }, metrics }) =>
      fresh.has(result_id) ? metrics.map((m) => ({ result_id, ...m })) : [],
    )
    if (values.length > 0) await db.insertInto('result_metric').values(values).execute()
  }
  if (inserted > 0)
    await writeAudit(db, {
      actor,
      now,
      action: 'import_results',
      run_id: null,
      detail: { inserted, files: files.map((f) => ({ name: f.name, sha256: f.sha256 })) },
    })
  return { inserted, same: results.length - inserted }
}

/** With up to thirty metrics each, well under the values that SQLite takes in one statement. */
const ROWS_AT_ONCE = 50

function rowOf(result: Result, now: string): Omit<ResultRow, 'value_set_id'> {
  const { result_id, kind, provenance } = result
  return {
    result_id,
    kind,
    ...commonFacts(result),
    source: result.source,
    imported_at: now,
    provenance: JSON.stringify(provenance),
    payload: JSON.stringify(result),
    valid: result.valid ? 1 : 0,
    cautions: result.findings.filter((f) => f.severity === 'caution').length,
    revision: provenance.revision,
    file_sha256: provenance.file_sha256,
  }
}

/** One result whole; undefined: there is none of that id. */
export async function findResult(db: Kysely<Tables>, id: string): Promise<Result | undefined> {
  const row = await db
    .selectFrom('result')
    .select('payload')
    .where('result_id', '=', id)
    .executeTakeFirst()
  return row && resultOf(row)
}

/** A file that results came from, byte for byte as it came; undefined: there is none of that hash. */
export async function readResultFile(
  db: Kysely<Tables>,
  sha256: string,
): Promise<{ name: string; bytes: Uint8Array } | undefined> {
  const row = await db
    .selectFrom('result_file')
    .select(['name', 'gzip'])
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return row && { name: row.name, bytes: gunzipSync(row.gzip) }
}
