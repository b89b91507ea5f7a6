import Database from 'better-sqlite3'

/** Chunks are tens or hundreds of kilobytes; with pages of 64 KiB they are written in half the time that pages of 4 take. */
export const PAGE_BYTES = 65_536
/**
 * The log grows to 64 MiB before it is copied into the file: a commit is durable in the log already, and copying more
 * rarely leaves the disk to the commits. A crash costs the reading of that log, a fraction of a second.
 */
const CHECKPOINT_PAGES = (64 * 1024 * 1024) / PAGE_BYTES
/** Room for a group of chunks: SQLite's own 2 MB would be written out in the middle of one, and read again. */
const CACHE_KIB = 32 * 1024

/** One connection to a database file. `setDurable` is to follow, when the file is known to be one of ours. */
export const connect = (path: string, busy_timeout_ms: number): Database.Database =>
  new Database(path, { timeout: busy_timeout_ms })

/** What is committed is on the disk; readers and a writer do not wait for each other. */
export function setDurable(raw: Database.Database): void {
  raw.pragma('journal_mode = WAL')
  raw.pragma('synchronous = FULL')
  raw.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  raw.pragma(`cache_size = -${CACHE_KIB}`)
  raw.pragma('foreign_keys = ON')
}
