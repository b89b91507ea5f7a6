import { statSync } from 'node:fs'
import type Database from 'better-sqlite3'
import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

export interface EraseOptions {
  readonly any_size: boolean
  /** One line for the operator. */
  readonly say: (line: string) => void
}

/** Written in a few seconds. */
const LARGE_BYTES = 512 * 1024 * 1024

/** Asks for {@link eraseFreed} when the transaction under way is committed. */
export async function eraseLater(db: Kysely<Tables>): Promise<void> {
  await db
    .insertInto('pending_work')
    .values({ work: 'erase' })
    .onConflict((c) => c.doNothing())
    .execute()
}

/**
 * Writes the file anew where rows were redacted, since SQLite keeps what was there before in pages that it has freed,
 * and in its log. A large file is written anew only on demand, since whoever opens it waits. Where another program reads the file, or there is no room for a copy, the next opening tries again.
 */
export async function eraseFreed(
  db: Kysely<Tables>,
  raw: Database.Database,
  { any_size, say }: EraseOptions,
): Promise<void> {
  const pending = await db
    .selectFrom('pending_work')
    .select('work')
    .where('work', '=', 'erase')
    .executeTakeFirst()
  if (!pending) return
  const bytes = statSync(raw.name).size
  if (!any_size && bytes > LARGE_BYTES) {
    say(
      `${raw.name} held values in clear. They are redacted, and what is left of them in freed pages goes with: llem-server migrate --db ${raw.name} (it writes ${(bytes / 1e9).toFixed(1)} GB anew)`,
    )
    return
  }
  try {
    raw.exec('vacuum')
    const [log] = raw.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
    if (log?.busy !== 0) return
  } catch (error) {
    const { code } = error as { code?: string }
    if (code?.startsWith('SQLITE_BUSY') || code?.startsWith('SQLITE_LOCKED')) return
    if (code?.startsWith('SQLITE_FULL')) return
    throw error
  }
  await db.deleteFrom('pending_work').where('work', '=', 'erase').execute()
}
