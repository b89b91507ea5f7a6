import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { type FullDisk, fullDisk } from '../support/full-disk/full-disk.ts'
import { llemServer, type Serving, serveProgram } from './program.ts'
import { RUN_ID, runText, sampleChunks, sampleRows, type TestChunk } from './sample-run.ts'
import { problem, putChunk, register, served, tempDir } from './served.ts'

let dir: string
let db: string
let disk: FullDisk
let server: Serving
let api: string
beforeEach(async () => {
  dir = tempDir()
  db = join(dir, 'llem.db')
  disk = fullDisk(dir, db)
  server = await serveProgram(db, [], { env: disk.env })
  api = `${server.url}/api/v1`
})
afterEach(async () => {
  server.child.kill('SIGTERM')
  await server.ended
  rmSync(dir, { recursive: true, force: true })
})

const KB = 1000
const [first, second, third] = sampleChunks() as [TestChunk, TestChunk, TestChunk]
/** 1.3 MB; the small ones take a few pages of 64 KiB each. */
const large: TestChunk = { ...first, seq: 9, bytes: encodeChunk('sample', sampleRows(0, 4000)) }

describe('a full disk', () => {
  it('answers 507, keeps what was acknowledged, and takes the chunk when there is room again', async () => {
    await register(api)
    expect((await putChunk(api, RUN_ID, first)).status).toBe(201)
    disk.leave(100 * KB)
    const answer = await putChunk(api, RUN_ID, large)
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(await problem(answer)).toMatchObject({
      status: 507,
      code: 'disk_full',
      detail: expect.stringContaining('full'),
    })
    const other = await register(api, runText({ run_id: 'next', name: 'x'.repeat(KB * KB) }))
    expect(await problem(other)).toMatchObject({ status: 507, code: 'disk_full' })
    expect((await fetch(`${api}/runs`)).status).toBe(200)
    disk.free()
    expect((await putChunk(api, RUN_ID, large)).status).toBe(201)
    expect((await putChunk(api, RUN_ID, first)).status).toBe(200)
    expect((await register(api, runText({ run_id: 'next' }))).status).toBe(201)
    const check = await llemServer(['check', '--db', db, '--json'])
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: true, runs: 2, chunks: 2 })
  })
})

describe('chunks that are committed together', () => {
  it('each have an answer of their own when one of them does not fit', async () => {
    await register(api)
    expect((await putChunk(api, RUN_ID, { ...first, seq: 8 })).status).toBe(201)
    disk.leave(1000 * KB)
    const answers = await Promise.all(
      [large, first, second, third].map((c) => putChunk(api, RUN_ID, c)),
    )
    expect(answers.map((a) => a.status)).toEqual([507, 201, 201, 201])
  })
})

describe('a locked database', () => {
  it('answers 503, still reads, and takes the chunk when it is free again', async () => {
    const inside = await served({ busy_timeout_ms: 100 })
    await register(inside.api)
    const other = new Database(inside.store.path)
    other.exec('begin immediate')
    const answer = await putChunk(inside.api, RUN_ID, first)
    expect(await problem(answer)).toMatchObject({ status: 503, code: 'database_locked' })
    expect((await fetch(`${inside.api}/runs`)).status).toBe(200)
    other.exec('rollback')
    other.close()
    expect((await putChunk(inside.api, RUN_ID, first)).status).toBe(201)
    await inside.close()
  })
})
