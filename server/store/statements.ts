import type { Kysely } from 'kysely'
import { canonicalJson } from '../../analysis/schema/key.ts'
import { listChunks, readChunks } from './chunks.ts'
import { sha256 } from './sha256.ts'
import type { StatementRow, Tables } from './tables.ts'

/** A statement's address that names none, or several. */
export class StatementNotFound extends Error {
  constructor(ref: string, several: boolean) {
    super(
      several
        ? `Several statements begin with ${JSON.stringify(ref)}; give more of the address.`
        : `There is no statement ${JSON.stringify(ref)}. llem-server statement list names them.`,
    )
    this.name = 'StatementNotFound'
  }
}

/**
 * The statement of an address, or of a beginning of at least eight digits that only one has.
 * @throws StatementNotFound
 */
export async function findStatement(db: Kysely<Tables>, ref: string): Promise<StatementRow> {
  if (!/^[0-9a-f]{8,64}$/.test(ref)) throw new StatementNotFound(ref, false)
  const rows = await db
    .selectFrom('statement')
    .selectAll()
    .where('statement_id', '>=', ref)
    .where('statement_id', '<=', `${ref}g`)
    .limit(2)
    .execute()
  const [row] = rows
  if (row === undefined || rows.length > 1) throw new StatementNotFound(ref, rows.length > 1)
  return row
}

/** All statements, the newest first, without their documents. */
export const listStatements = (db: Kysely<Tables>) =>
  db
    .selectFrom('statement')
    .select(['statement_id', 'title', 'created_at'])
    .orderBy('created_at', 'desc')
    .orderBy('statement_id')
    .execute()

export const addStatement = async (db: Kysely<Tables>, row: StatementRow): Promise<void> => {
  await db.insertInto('statement').values(row).execute()
}

/**
 * Hash of what a run was counted from: its run.json as it came, how it was sealed, and each chunk's SHA-256.
 * @param bytes hash the chunks themselves, not what the table says of them
 * @returns null where there is no such run
 */
export async function runContentHash(
  db: Kysely<Tables>,
  run_id: string,
  bytes: boolean,
): Promise<string | null> {
  const run = await db
    .selectFrom('run')
    .select(['run_json', 'sha256', 'seal_json'])
    .where('run_id', '=', run_id)
    .executeTakeFirst()
  if (run === undefined) return null
  const chunks: (readonly [string, string, number, string])[] = []
  if (bytes)
    for await (const c of readChunks(db, run_id))
      chunks.push([c.process_id, c.stream, c.seq, sha256(c.bytes)])
  else
    for (const c of await listChunks(db, run_id))
      chunks.push([c.process_id, c.stream, c.seq, c.sha256])
  return sha256(
    canonicalJson({
      run: bytes ? sha256(run.run_json) : run.sha256,
      seal: run.seal_json,
      chunks,
    }),
  )
}
