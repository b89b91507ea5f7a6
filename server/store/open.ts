import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type Database from 'better-sqlite3'
import { Kysely, Migrator } from 'kysely'
import type { Hide } from '../../analysis/schema/redacted.ts'
import { MIGRATIONS, SCHEMA_VERSION } from '../../migrations/index.ts'
import { makePrivate, narrowFile } from '../private-file.ts'
import { FileError, isFolder } from '../read-file.ts'
import { hideOfSite } from '../site-secret.ts'
import { connect, PAGE_BYTES, setDurable } from './connection.ts'
import { eraseFreed } from './erase-freed.ts'
import { PatientDialect } from './patient-dialect.ts'
import { REDACTED_SINCE, redactStored } from './redact-stored.ts'
import { StoreError } from './store-error.ts'
import type { Tables } from './tables.ts'
import { fillValueSets, lacksValues } from './value-sets.ts'

/** 'LLEM' as four bytes: what a database says of itself in its header. */
const APPLICATION_ID = 0x4c4c454d
const BUSY_TIMEOUT_MS = 5_000
/** So long a statement stops the thread when another program writes; then it waits aside ({@link PatientDialect}). */
const STOP_MS = 5

/** An open database: queries go through `db`, `raw` is for what only SQLite has (backup, integrity check). */
export interface Store {
  readonly path: string
  readonly db: Kysely<Tables>
  readonly raw: Database.Database
  /** What stands for values that are not stored in clear; asks for the site's secret when it is first needed. */
  readonly hide: Hide
  /** How long a write waits for another program's. */
  readonly busy_timeout_ms: number
  /** The version that it had before it was opened; 0: it was new. */
  readonly version_before: number
  close(): Promise<void>
}

export interface OpenOptions {
  /** Make the file when it is not there. Otherwise its absence is an error. */
  readonly create: boolean
  readonly busy_timeout_ms?: number
  /** Take the time to write a large file anew where values in clear were redacted in it. */
  readonly erase?: boolean
  /** By default under the secret of this site. */
  readonly hide?: Hide
}

/**
 * Opens a llem database and brings it to this program's version.
 * @throws StoreError missing, no_folder, not_sqlite, not_llem, newer, locked, read_only or disk_full
 */
export async function openStore(file: string, options: OpenOptions): Promise<Store> {
  const path = resolve(file)
  if (!options.create && !existsSync(path))
    throw new StoreError(
      'missing',
      `There is no database at ${path}. Give its place with --db or LLEM_DB; llem-server migrate makes a new one.`,
    )
  if (!existsSync(dirname(path)))
    throw new StoreError('no_folder', `The folder ${dirname(path)} of the database is not there.`)
  refuseSpecial(path)
  let raw: Database.Database | undefined
  try {
    if (options.create) makePrivate(path)
    const busy_timeout_ms = options.busy_timeout_ms ?? BUSY_TIMEOUT_MS
    raw = connect(path, busy_timeout_ms)
    const version_before = checkHeader(raw, path)
    if (version_before === 0) raw.pragma(`page_size = ${PAGE_BYTES}`)
    setDurable(raw)
    const dialect = new PatientDialect({ database: prepared(raw) }, raw, busy_timeout_ms)
    const db = new Kysely<Tables>({ dialect })
    const hide = options.hide ?? hideOfSite()
    if (version_before < SCHEMA_VERSION)
      await migrate(db, raw, async () => {
        if (version_before > 0 && version_before < REDACTED_SINCE) await redactStored(db, hide)
      })
    if (version_before > 0 && version_before < REDACTED_SINCE) narrowFile(path)
    await eraseFreed(db, raw, {
      any_size: options.erase ?? false,
      say: (line) => void process.stderr.write(`${line}\n`),
    })
    if (await lacksValues(db)) await fillValueSets(db)
    raw.pragma(`busy_timeout = ${Math.min(STOP_MS, busy_timeout_ms)}`)
    return { path, db, raw, hide, busy_timeout_ms, version_before, close: () => db.destroy() }
  } catch (error) {
    raw?.close()
    throw StoreError.from(error, path)
  }
}

/** SQLite would report the disk as faulty. @throws StoreError for a pipe, a device or a socket */
function refuseSpecial(path: string): void {
  try {
    if (existsSync(path)) isFolder(path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new StoreError('not_sqlite', `The database ${path} ${error.message}.`)
  }
}

/** What the file says of itself, before anything is changed in it. */
function checkHeader(raw: Database.Database, path: string): number {
  const id = raw.pragma('application_id', { simple: true }) as number
  const version = raw.pragma('user_version', { simple: true }) as number
  const tables = raw.prepare("select count(*) from sqlite_master where name not like 'sqlite_%'")
  const empty = (tables.pluck().get() as number) === 0
  if (id !== APPLICATION_ID && !empty)
    throw new StoreError(
      'not_llem',
      `${path} is a SQLite database of another program, not one of llem. Give another file with --db.`,
    )
  if (id === APPLICATION_ID && version > SCHEMA_VERSION)
    throw new StoreError(
      'newer',
      `${path} is from a newer llem (database version ${version}, this program knows ${SCHEMA_VERSION}). Update llem.`,
    )
  return empty ? 0 : version
}

/**
 * All migrations, what has to be rewritten of the rows, and the header in one transaction, taken at once: two programs that open a new file together
 * do not meet half a schema.
 */
async function migrate(
  db: Kysely<Tables>,
  raw: Database.Database,
  rewrite: () => Promise<void>,
): Promise<void> {
  raw.exec('begin immediate')
  try {
    const migrations = Object.fromEntries(MIGRATIONS.map((m) => [m.name, m.migration]))
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
    const { error } = await migrator.migrateToLatest()
    if (error) throw error
    await rewrite()
    raw.pragma(`application_id = ${APPLICATION_ID}`)
    raw.pragma(`user_version = ${SCHEMA_VERSION}`)
    raw.exec('commit')
  } catch (error) {
    if (raw.inTransaction) raw.exec('rollback')
    throw error
  }
}

const STATEMENTS_KEPT = 200

/**
 * The connection as Kysely wants it, keeping prepared statements by their text. A transaction takes the write lock
 * when it begins: ours all write, and one that took it later could find that another program had written between.
 */
function prepared(raw: Database.Database) {
  const kept = new Map<string, Database.Statement>()
  return {
    close: () => {
      kept.clear()
      raw.close()
    },
    prepare(text: string): Database.Statement {
      // A full disk ends the transaction by itself, and a rollback would then hide why.
      if (text === 'rollback' && !raw.inTransaction) return raw.prepare('select 1')
      const known = kept.get(text)
      if (known) return known
      const statement = raw.prepare(text === 'begin' ? 'begin immediate' : text)
      if (kept.size >= STATEMENTS_KEPT) kept.clear()
      kept.set(text, statement)
      return statement
    },
  }
}
