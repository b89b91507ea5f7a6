import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { llemServer, serveProgram } from './program.ts'
import { PROCESS_ID, RUN_ID, sampleRows, sealOf, type TestChunk } from './sample-run.ts'
import { putChunk, register, seal, tempDir } from './served.ts'

let dir: string
beforeEach(() => {
  dir = tempDir()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const CHUNKS: TestChunk[] = Array.from({ length: 120 }, (_, seq) => ({
  process_id: PROCESS_ID,
  stream: 'sample',
  seq,
  bytes: encodeChunk('sample', sampleRows(seq, seq + 20)),
}))

describe('kill -9 of the server in the middle of many uploads', () => {
  it('loses no acknowledged chunk and holds none twice, at many moments', async () => {
    const db = join(dir, 'llem.db')
    const acknowledged = new Set<number>()
    let kills = 0
    while (acknowledged.size < CHUNKS.length) {
      const server = await serveProgram(db)
      const api = `${server.url}/api/v1`
      expect((await register(api)).status).toBe(kills === 0 ? 201 : 200)
      // What was acknowledged before is there: the same bytes answer 200, not 201.
      const again = CHUNKS.filter((c) => acknowledged.has(c.seq)).filter(
        (_, i) => i % 7 === kills % 7,
      )
      for (const chunk of again) expect((await putChunk(api, RUN_ID, chunk)).status).toBe(200)
      const left = CHUNKS.filter((c) => !acknowledged.has(c.seq))
      // A moment that differs each time, between the first answers and the last.
      const after = kills < 6 ? 5 + ((kills * 7) % 11) : Number.POSITIVE_INFINITY
      let answers = 0
      const workers = [0, 1, 2, 3].map(async (worker) => {
        for (let i = worker; i < left.length; i += 4) {
          const chunk = left[i] as TestChunk
          const answer = await putChunk(api, RUN_ID, chunk).catch(() => null)
          if (answer === null) return
          expect([200, 201]).toContain(answer.status)
          acknowledged.add(chunk.seq)
          if (++answers === after) server.child.kill('SIGKILL')
        }
      })
      await Promise.all(workers)
      if (acknowledged.size === CHUNKS.length) {
        expect((await seal(api, RUN_ID, sealOf(CHUNKS))).status).toBe(200)
        server.child.kill('SIGTERM')
      }
      await server.ended
      kills++
    }
    expect(kills).toBeGreaterThan(5)
    const check = await llemServer(['check', '--db', db, '--json'])
    // 120 chunks of 200 rows: each once.
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: true, runs: 1, chunks: 120 })
  })
})
