import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { RUN_ID, runText, sampleChunks, sampleRows } from './sample-run.ts'
import { problem, putChunk, register, type Served, served } from './served.ts'

let server: Served
beforeEach(async () => {
  server = await served()
})
afterEach(() => server.close())

describe('a full disk', () => {
  it('answers 507, keeps what was acknowledged, and takes the chunk when there is room again', async () => {
    const { raw } = server.store
    await register(server.api)
    const [first] = sampleChunks()
    expect((await putChunk(server.api, RUN_ID, first as never)).status).toBe(201)
    const pages = raw.pragma('page_count', { simple: true }) as number
    raw.pragma(`max_page_count = ${pages + 4}`)
    const large = {
      ...(first as never as { process_id: string }),
      stream: 'sample' as const,
      seq: 1,
      bytes: encodeChunk('sample', sampleRows(0, 6000)),
    }
    const answer = await putChunk(server.api, RUN_ID, large)
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(await problem(answer)).toMatchObject({
      status: 507,
      code: 'disk_full',
      detail: expect.stringContaining('full'),
    })
    const other = await register(
      server.api,
      runText({ run_id: 'next', name: 'x'.repeat(1_000_000) }),
    )
    expect(await problem(other)).toMatchObject({ status: 507, code: 'disk_full' })
    expect((await fetch(`${server.api}/runs`)).status).toBe(200)
    raw.pragma('max_page_count = 1000000')
    expect((await putChunk(server.api, RUN_ID, large)).status).toBe(201)
    expect((await putChunk(server.api, RUN_ID, first as never)).status).toBe(200)
    expect((await register(server.api, runText({ run_id: 'next' }))).status).toBe(201)
  })
})

describe('chunks that are committed together', () => {
  it('each have an answer of their own when one of them does not fit', async () => {
    const { raw } = server.store
    await register(server.api)
    const small = sampleChunks().slice(0, 3)
    const large = {
      ...(small[0] as never as { process_id: string }),
      stream: 'sample' as const,
      seq: 9,
      bytes: encodeChunk('sample', sampleRows(0, 12_000)),
    }
    raw.pragma(`max_page_count = ${(raw.pragma('page_count', { simple: true }) as number) + 8}`)
    const answers = await Promise.all([large, ...small].map((c) => putChunk(server.api, RUN_ID, c)))
    expect(answers.map((a) => a.status)).toEqual([507, 201, 201, 201])
  })
})

describe('a locked database', () => {
  it('answers 503, still reads, and takes the chunk when it is free again', async () => {
    await register(server.api)
    const [first] = sampleChunks()
    const other = new Database(server.store.path)
    other.exec('begin immediate')
    const answer = await putChunk(server.api, RUN_ID, first as never)
    expect(await problem(answer)).toMatchObject({ status: 503, code: 'database_locked' })
    expect((await fetch(`${server.api}/runs`)).status).toBe(200)
    other.exec('rollback')
    other.close()
    expect((await putChunk(server.api, RUN_ID, first as never)).status).toBe(201)
  })
})
