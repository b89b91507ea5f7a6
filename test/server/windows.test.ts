import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import type { EventRow } from '../../analysis/schema/stream.ts'
import { PROCESS_ID, RUN_ID, runText, sampleChunks } from './sample-run.ts'
import { putChunk, register, type Served, served } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
  await register(server.api, runText())
  const S = 1e9
  const mark = (t_s: number, code: string, detail: object): EventRow => ({
    t_ns: t_s * S,
    code,
    detail: JSON.stringify(detail),
  })
  const bytes = encodeChunk('event', [
    mark(8, 'window_begin', { id: 1, name: 'a', attributes: { batch: 8 } }),
    mark(9, 'window_begin', { id: 2, name: 'b' }),
    mark(10, 'window_end', { id: 2, tokens: 5 }),
    mark(12, 'window_end', { id: 1 }),
    mark(13, 'window_begin', { id: 3, name: 'a' }),
  ])
  const events = { process_id: PROCESS_ID, stream: 'event' as const, seq: 0, bytes }
  for (const chunk of [...sampleChunks(), events]) await putChunk(server.api, RUN_ID, chunk)
})
afterAll(() => server.close())

const get = (path: string) => fetch(`${server.api}${path}`)

describe('GET /runs/{run_id}/windows', () => {
  it('gives the names with their joules, and each window', async () => {
    const body = await (await get(`/runs/${RUN_ID}/windows`)).json()
    expect(body).toMatchObject({
      run_id: RUN_ID,
      count: 3,
      names: [
        { name: 'a', n: 1, unclosed: 1, duration_s: 4 },
        { name: 'b', n: 1, unclosed: 0, tokens: 5 },
      ],
      windows: [
        { name: 'a', closed: true, attributes: { batch: 8 }, start_t_ns: 8e9, end_t_ns: 12e9 },
        { name: 'b', tokens: 5, duration_s: 1 },
        { name: 'a', closed: false },
      ],
    })
    expect(body.windows[0].energy_compute_j.value).toBeGreaterThan(0)
  })

  it('takes a name and a limit, and no other parameter', async () => {
    const body = await (await get(`/runs/${RUN_ID}/windows?name=a&limit=1`)).json()
    expect(body).toMatchObject({ count: 2, names: [{ name: 'a' }], windows: [{ name: 'a' }] })
    expect(body.windows).toHaveLength(1)
    expect((await get(`/runs/${RUN_ID}/windows?nam=a`)).status).toBe(400)
    expect((await get('/runs/none/windows')).status).toBe(404)
  })
})
