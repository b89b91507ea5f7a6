import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chunkWorkerPath } from '../../server/program.ts'
import { readRunFile } from '../../server/run-file.ts'
import { type ChunkWriter, createChunkWriter } from '../../server/store/chunk-writer.ts'
import { openStore, type Store } from '../../server/store/open.ts'
import { registerRun } from '../../server/store/register.ts'
import { sha256 } from '../../server/store/sha256.ts'
import { PROCESS_ID, RUN_ID, runText, sampleChunks, type TestChunk } from './sample-run.ts'
import { problem, putChunk, register, served, tempDir } from './served.ts'

let dir: string
let store: Store
beforeEach(async () => {
  dir = tempDir()
  store = await openStore(join(dir, 'llem.db'), { create: true })
  await registerRun(store.db, readRunFile(Buffer.from(runText())), 'now')
})
afterEach(async () => {
  await store.close()
  rmSync(dir, { recursive: true, force: true })
})

const writer = (worker = chunkWorkerPath()): ChunkWriter =>
  createChunkWriter({ path: store.path, busy_timeout_ms: 100, worker })
/** Bytes of their own for each call: they are given away. */
const chunk = (seq: number, text = `chunk ${seq}`) => ({
  run_id: RUN_ID,
  process_id: PROCESS_ID,
  stream: 'sample' as const,
  seq,
  row_count: 1,
  sha256: sha256(text),
  bytes: new TextEncoder().encode(text),
})
/** A thread that dies of its first chunk. */
function dying(): string {
  const path = join(dir, 'dies.mjs')
  writeFileSync(
    path,
    "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => { throw new Error('out of memory') })\n",
  )
  return path
}
const stored = () => store.db.selectFrom('chunk').select(['seq', 'bytes']).orderBy('seq').execute()

describe('the writer of chunks', () => {
  it('has each chunk committed when it answers', async () => {
    const it = writer()
    for (let seq = 0; seq < 20; seq++) {
      expect(await it.put(chunk(seq), 'now')).toBe('stored')
      expect(await stored()).toHaveLength(seq + 1)
    }
    await it.close()
  })

  it('tells stored, same, in conflict, unknown and sealed apart, also within one group', async () => {
    const it = writer()
    const other = { ...chunk(0, 'other bytes') }
    const answers = await Promise.all(
      [
        chunk(0),
        chunk(0),
        other,
        { ...chunk(1), process_id: 'nobody' },
        { ...chunk(1), run_id: 'nothing' },
      ].map((c) => it.put(c, 'now')),
    )
    const conflict = { conflict: chunk(0).sha256 }
    expect(answers).toEqual(['stored', 'same', conflict, 'no_process', 'no_run'])
    await store.db.updateTable('run').set({ state: 'sealed' }).execute()
    expect(await it.put(chunk(0), 'now')).toBe('same')
    expect(await it.put(chunk(1), 'now')).toBe('sealed')
    await it.close()
  })

  it('takes bytes that are part of a larger buffer as they are', async () => {
    const it = writer()
    const whole = new TextEncoder().encode('before chunk 0 after')
    await it.put({ ...chunk(0), bytes: whole.subarray(7, 14) }, 'now')
    expect(Buffer.from((await stored())[0]?.bytes ?? []).toString()).toBe('chunk 0')
    expect(whole).toHaveLength(20)
    await it.close()
  })

  it('stores all that it was given before it closes', async () => {
    const it = writer()
    const answers = Promise.all(Array.from({ length: 50 }, (_, seq) => it.put(chunk(seq), 'now')))
    await it.close()
    expect(await answers).toEqual(new Array(50).fill('stored'))
    expect(await stored()).toHaveLength(50)
  })

  it('closes at once when it never had anything to do', async () => {
    await writer().close()
  })

  it('says so to all that wait when its thread dies, and starts another', async () => {
    const path = dying()
    const it = writer(path)
    const failed = await Promise.allSettled([it.put(chunk(0), 'now'), it.put(chunk(1), 'now')])
    for (const each of failed)
      expect(each).toMatchObject({
        status: 'rejected',
        reason: { fault: 'writer_ended', message: expect.stringContaining('out of memory') },
      })
    // The next chunk finds a thread again: here that of the program itself.
    writeFileSync(path, `import ${JSON.stringify(chunkWorkerPath())}\n`)
    expect(await it.put(chunk(0), 'now')).toBe('stored')
    await it.close()
  })

  it('makes the server answer 503 and log why when its thread dies', async () => {
    const server = await served({ chunk_worker: dying() })
    await register(server.api)
    const [first] = sampleChunks() as [TestChunk]
    const answer = await putChunk(server.api, RUN_ID, first)
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(await problem(answer)).toMatchObject({ status: 503, code: 'writer_ended' })
    expect(server.log).toEqual([expect.stringContaining('out of memory')])
    expect((await fetch(`${server.api}/runs`)).status).toBe(200)
    await server.close()
  })

  it('gives the reason when its database is gone', async () => {
    const it = createChunkWriter({
      path: join(dir, 'nowhere', 'llem.db'),
      busy_timeout_ms: 100,
      worker: chunkWorkerPath(),
    })
    await expect(it.put(chunk(0), 'now')).rejects.toThrow(/directory does not exist/)
    await it.close()
  })
})
