import { setTimeout as sleep } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteDialect,
  type SqliteDialectConfig,
} from 'kysely'

const PAUSE_MS = 10

/**
 * SQLite waits for another program's write within the call, and with it the thread that serves. Here a statement that
 * finds the database taken is given up at once and tried again after a pause in which everything else goes on.
 * The connection's own busy timeout is to be short.
 */
export class PatientDialect extends SqliteDialect {
  readonly #raw: Database.Database
  readonly #wait_ms: number
  constructor(config: SqliteDialectConfig, raw: Database.Database, wait_ms: number) {
    super(config)
    this.#raw = raw
    this.#wait_ms = wait_ms
  }

  override createDriver(): Driver {
    const driver = super.createDriver()
    const acquire = driver.acquireConnection.bind(driver)
    driver.acquireConnection = async () => patient(await acquire(), this.#raw, this.#wait_ms)
    return driver
  }
}

function patient(
  connection: DatabaseConnection,
  raw: Database.Database,
  wait_ms: number,
): DatabaseConnection {
  return {
    streamQuery: connection.streamQuery.bind(connection),
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const until = performance.now() + wait_ms
      for (;;) {
        // Only the first statement of a transaction takes the lock, and one that found it taken has changed nothing.
        const inside = raw.inTransaction
        try {
          return await connection.executeQuery<R>(query)
        } catch (error) {
          if (inside || !isBusy(error) || performance.now() >= until) throw error
          await sleep(PAUSE_MS)
        }
      }
    },
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error &&
  String((error as Error & { code?: unknown }).code).startsWith('SQLITE_BUSY')
