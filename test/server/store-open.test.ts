import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SCHEMA_VERSION } from '../../migrations/index.ts'
import { openStore } from '../../server/store/open.ts'
import { StoreError, type StoreFault } from '../../server/store/store-error.ts'
import { tempDir } from './served.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = tempDir()
  path = join(dir, 'llem.db')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function faultOf(create = true): Promise<{ fault: StoreFault; message: string }> {
  try {
    await (await openStore(path, { create, busy_timeout_ms: 100 })).close()
  } catch (error) {
    if (error instanceof StoreError) return { fault: error.fault, message: error.message }
    throw error
  }
  throw new Error('it opened')
}

describe('opening a database', () => {
  it('makes a new one that survives a power cut, and opens it again without change', async () => {
    const store = await openStore(path, { create: true })
    expect(store.version_before).toBe(0)
    expect(store.raw.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(store.raw.pragma('synchronous', { simple: true })).toBe(2)
    expect(store.raw.pragma('foreign_keys', { simple: true })).toBe(1)
    await store.close()
    const again = await openStore(path, { create: false })
    expect(again.version_before).toBe(SCHEMA_VERSION)
    await again.close()
  })

  it('takes an empty file for a new database', async () => {
    writeFileSync(path, '')
    const store = await openStore(path, { create: false })
    expect(store.version_before).toBe(0)
    await store.close()
  })

  it('says that there is none', async () => {
    expect(await faultOf(false)).toMatchObject({
      fault: 'missing',
      message: expect.stringContaining(path),
    })
    path = join(dir, 'nowhere', 'llem.db')
    expect(await faultOf()).toMatchObject({ fault: 'no_folder' })
  })

  it('says that a file is no SQLite database', async () => {
    writeFileSync(path, 'name,value\n'.repeat(100))
    expect(await faultOf()).toMatchObject({
      fault: 'not_sqlite',
      message: expect.stringContaining('not a SQLite database'),
    })
  })

  it("says that a database is another program's, and leaves it as it is", async () => {
    const other = new Database(path)
    other.exec('create table song (title text)')
    other.close()
    expect(await faultOf()).toMatchObject({
      fault: 'not_llem',
      message: expect.stringContaining('another program'),
    })
    const after = new Database(path)
    expect(after.prepare('select name from sqlite_master').pluck().all()).toEqual(['song'])
    expect(after.pragma('journal_mode', { simple: true })).toBe('delete')
    after.close()
  })

  it('says that a database is from a newer version, with both numbers', async () => {
    await (await openStore(path, { create: true })).close()
    const raw = new Database(path)
    raw.pragma(`user_version = ${SCHEMA_VERSION + 6}`)
    raw.close()
    expect(await faultOf()).toMatchObject({
      fault: 'newer',
      message: expect.stringContaining(
        `version ${SCHEMA_VERSION + 6}, this program knows ${SCHEMA_VERSION}`,
      ),
    })
  })

  it('says that a database is locked', async () => {
    await (await openStore(path, { create: true })).close()
    const raw = new Database(path)
    raw.pragma('journal_mode = delete')
    raw.exec('begin exclusive')
    expect(await faultOf()).toMatchObject({
      fault: 'locked',
      message: expect.stringContaining('locked by another program'),
    })
    raw.close()
  })

  it('says that a folder is no database, and that a file may not be written', async () => {
    path = dir
    expect((await faultOf()).fault).toBe('read_only')
    if (process.getuid?.() === 0) return
    path = join(dir, 'llem.db')
    await (await openStore(path, { create: true })).close()
    chmodSync(path, 0o400)
    expect((await faultOf()).fault).toBe('read_only')
  })
})
