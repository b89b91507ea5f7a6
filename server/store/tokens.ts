import { randomBytes } from 'node:crypto'
import type Database from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { sha256 } from './sha256.ts'
import type { Tables, TokenRow } from './tables.ts'

/** A fresh token: 256 random bits. Only its hash is ever stored. */
export const newToken = (): string => `llem_${randomBytes(32).toString('base64url')}`

/** Makes a token. null: the name is taken. The token itself can't be had again. */
export async function createToken(
  db: Kysely<Tables>,
  name: string,
  now: string,
): Promise<string | null> {
  const token = newToken()
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('token')
    .values({ name, sha256: sha256(token), created_at: now })
    .onConflict((c) => c.column('name').doNothing())
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n ? token : null
}

export const listTokens = (db: Kysely<Tables>): Promise<TokenRow[]> =>
  db.selectFrom('token').selectAll().orderBy('created_at').execute()

export async function revokeToken(
  db: Kysely<Tables>,
  name: string,
  now: string,
): Promise<'revoked' | 'revoked_before' | 'unknown'> {
  const { numUpdatedRows } = await db
    .updateTable('token')
    .set({ revoked_at: now })
    .where('name', '=', name)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 1n) return 'revoked'
  const row = await db
    .selectFrom('token')
    .select('name')
    .where('name', '=', name)
    .executeTakeFirst()
  return row ? 'revoked_before' : 'unknown'
}

/** Makes the function that gives the tokens that are accepted now. Every request asks: prepared once. */
export function liveTokens(raw: Database.Database): () => TokenRow[] {
  const live = raw.prepare<[], TokenRow>('select * from token where revoked_at is null')
  return () => live.all()
}

export async function touchToken(db: Kysely<Tables>, name: string, now: string): Promise<void> {
  await db.updateTable('token').set({ last_used_at: now }).where('name', '=', name).execute()
}
