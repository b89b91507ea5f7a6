import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeAudit } from '../../server/store/audit.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { register, served, tempDir } from './served.ts'

const entry = {
  actor: 'a',
  now: 'now',
  action: 'import_results',
  run_id: null,
  detail: {},
} as const

let dir: string
let store: Store
let other: Database.Database
beforeEach(async () => {
  dir = tempDir()
  const path = join(dir, 'llem.db')
  store = await openStore(path, { create: true, busy_timeout_ms: 20_000 })
  other = new Database(path)
})
afterEach(async () => {
  other.close()
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const audits = async () => (await store.db.selectFrom('audit').selectAll().execute()).length

describe('a write while another program writes', () => {
  it('waits aside: timers go on, and it is stored once the other is done', async () => {
    other.exec('begin immediate')
    const alone = writeAudit(store.db, entry)
    let ticks = 0
    for (; ticks < 10; ticks++) await sleep(5) // would stand still for the 20 s of the busy timeout
    other.exec('commit')
    await alone
    other.exec('begin immediate')
    const within = store.db.transaction().execute((tx) => writeAudit(tx, entry))
    await sleep(20)
    other.exec('commit')
    await within
    expect([ticks, await audits()]).toEqual([10, 2])
  })

  it('gives up after the busy timeout, and nothing of it is stored', async () => {
    const brief = await openStore(store.path, { create: false, busy_timeout_ms: 50 })
    other.exec('begin immediate')
    await expect(
      brief.db.transaction().execute((tx) => writeAudit(tx, entry)),
    ).rejects.toMatchObject({ code: 'SQLITE_BUSY' })
    other.exec('rollback')
    await brief.close()
    expect(await audits()).toBe(0)
  })

  it('does not keep the server from serving others', async () => {
    const server = await served()
    const holder = new Database(server.store.path)
    holder.exec('begin immediate')
    const registered = register(server.api)
    const health = await fetch(`${server.url}/healthz`)
    holder.exec('rollback')
    holder.close()
    expect([health.status, (await registered).status]).toEqual([200, 201])
    await server.close()
  })
})
