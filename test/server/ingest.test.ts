import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { text as answerOf } from 'node:stream/consumers'
import { columnFromArray, int64, tableFromColumns, tableToIPC, utf8 } from '@uwdata/flechette'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeChunk } from '../../analysis/schema/arrow.ts'
import { MAX_CHUNK_BYTES, MAX_JSON_BYTES, WIRE_VERSION } from '../../analysis/schema/wire.ts'
import {
  PROCESS_ID,
  runText,
  sampleChunks,
  sampleRows,
  sampleRunFile,
  sealOf,
} from './sample-run.ts'
import { problem, putChunk, register, type Served, seal, sendRun, served } from './served.ts'

let server: Served
beforeAll(async () => {
  server = await served()
})
afterAll(() => server.close())

const sha = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex')
const fresh = (() => {
  let n = 0
  return () => `run-${++n}`
})()
/** A registered run with an id of its own. */
async function newRun(): Promise<string> {
  const run_id = fresh()
  expect((await register(server.api, runText({ run_id }))).status).toBe(201)
  return run_id
}
const [chunk0, chunk1, chunk2, requests] = sampleChunks() as [
  ReturnType<typeof sampleChunks>[number],
  ReturnType<typeof sampleChunks>[number],
  ReturnType<typeof sampleChunks>[number],
  ReturnType<typeof sampleChunks>[number],
]

describe('registering a run', () => {
  it('answers 201 when it is new, 200 for the same bytes, 409 for others, naming the stored hash', async () => {
    const text = runText()
    expect((await register(server.api, text)).status).toBe(201)
    expect((await register(server.api, text)).status).toBe(200)
    const other = await register(server.api, runText({ name: 'another' }))
    expect(other.status).toBe(409)
    expect(await problem(other)).toMatchObject({
      code: 'run_exists',
      detail: expect.stringContaining(sha(text)),
    })
  })

  it('keeps the text exactly as it came', async () => {
    const run_id = fresh()
    const text = `${JSON.stringify(sampleRunFile({ run_id }), (_, v) => (typeof v === 'bigint' ? String(v) : v))}\n\n`
    await register(server.api, text)
    const row = await server.store.db
      .selectFrom('run')
      .select('run_json')
      .where('run_id', '=', run_id)
      .executeTakeFirstOrThrow()
    expect(row.run_json).toBe(text)
  })

  it('does not round wall_unix_ns above 2^53', async () => {
    const run_id = await newRun()
    const body = await (await fetch(`${server.api}/runs/${run_id}`)).text()
    expect(body).toContain('1769857200123456789')
  })

  it('says 200 again to the first bytes after an update', async () => {
    const run_id = fresh()
    const [first, second] = [runText({ run_id }), runText({ run_id, name: 'renamed' })]
    await register(server.api, first)
    const put = await fetch(`${server.api}/runs/${run_id}`, { method: 'PUT', body: second })
    expect(put.status).toBe(200)
    expect((await register(server.api, first)).status).toBe(200)
    expect((await register(server.api, second)).status).toBe(200)
    const view = (await (await fetch(`${server.api}/runs/${run_id}`)).json()) as { name: string }
    expect(view.name).toBe('renamed')
  })

  it('names each bad field with its path', async () => {
    const file = JSON.parse(runText({ run_id: 'bad' }))
    file.run.phases[0].phase = 'nap'
    file.processes = []
    const answer = await register(server.api, JSON.stringify(file))
    expect(answer.status).toBe(422)
    const { code, errors } = await problem(answer)
    expect(code).toBe('invalid_run')
    expect(errors?.map((e) => e.path)).toEqual(['run.phases.0.phase', 'processes'])
  })

  it('refuses what is not JSON, not UTF-8 or too large', async () => {
    expect(await problem(await register(server.api, '{"run":'))).toMatchObject({
      status: 400,
      code: 'invalid_json',
    })
    const latin1 = await fetch(`${server.api}/runs`, {
      method: 'POST',
      body: Uint8Array.of(0x22, 0xe9, 0x22),
    })
    expect(await problem(latin1)).toMatchObject({ status: 400, code: 'invalid_json' })
    const large = await register(server.api, ' '.repeat(MAX_JSON_BYTES + 1))
    expect(await problem(large)).toMatchObject({ status: 413, code: 'too_large' })
  })

  it('refuses an update of an unknown run, of another run, or without a process that has chunks', async () => {
    const put = (run_id: string, text: string) =>
      fetch(`${server.api}/runs/${run_id}`, { method: 'PUT', body: text })
    expect(await problem(await put('nobody', runText({ run_id: 'nobody' })))).toMatchObject({
      status: 404,
      code: 'unknown_run',
    })
    const run_id = await newRun()
    expect(await problem(await put(run_id, runText()))).toMatchObject({
      status: 422,
      errors: [{ path: 'run.run_id' }],
    })
    await putChunk(server.api, run_id, chunk0)
    const file = JSON.parse(runText({ run_id }))
    file.processes[0].process_id = 'p9'
    expect(await problem(await put(run_id, JSON.stringify(file)))).toMatchObject({
      status: 409,
      code: 'process_in_use',
    })
  })
})

describe('storing a chunk', () => {
  it('answers 201, then 200 for the same bytes, 409 for others under the same key', async () => {
    const run_id = await newRun()
    const first = await putChunk(server.api, run_id, chunk0)
    expect(first.status).toBe(201)
    expect(await first.json()).toEqual({ sha256: sha(chunk0.bytes), rows: 100 })
    expect((await putChunk(server.api, run_id, chunk0)).status).toBe(200)
    const other = await putChunk(server.api, run_id, { ...chunk1, seq: 0 })
    expect(await problem(other)).toMatchObject({
      status: 409,
      code: 'chunk_conflict',
      detail: expect.stringContaining(sha(chunk0.bytes)),
    })
  })

  it('is stored once when it is sent many times at once', async () => {
    const run_id = await newRun()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => putChunk(server.api, run_id, chunk0)),
    )
    expect(answers.map((a) => a.status).sort()).toEqual([...new Array(19).fill(200), 201])
  })

  it('refuses bytes unlike their digest, or without one', async () => {
    const run_id = await newRun()
    const wrong = await putChunk(server.api, run_id, chunk0, {
      'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:`,
    })
    expect(await problem(wrong)).toMatchObject({ status: 400, code: 'digest_mismatch' })
    const none = await putChunk(server.api, run_id, chunk0, { 'content-digest': 'md5=:x:' })
    expect(await problem(none)).toMatchObject({ status: 400, code: 'digest_missing' })
  })

  it('refuses an unknown run or process with 404', async () => {
    expect(await problem(await putChunk(server.api, 'nobody', chunk0))).toMatchObject({
      status: 404,
      code: 'unknown_run',
    })
    const run_id = await newRun()
    const stray = await putChunk(server.api, run_id, { ...chunk0, process_id: 'p7' })
    expect(await problem(stray)).toMatchObject({ status: 404, code: 'unknown_process' })
  })

  it('refuses what is too large with 413, even where no length is declared', async () => {
    const run_id = await newRun()
    const large = { ...chunk0, bytes: new Uint8Array(MAX_CHUNK_BYTES + 1) }
    expect(await problem(await putChunk(server.api, run_id, large))).toMatchObject({
      status: 413,
      code: 'too_large',
    })
    const part = new Uint8Array(1024 * 1024)
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ < 20) controller.enqueue(part)
        else controller.close()
      },
    })
    const answer = await fetch(
      `${server.api}/runs/${run_id}/chunks?process_id=${PROCESS_ID}&stream=sample&seq=0`,
      { method: 'POST', body, duplex: 'half' } as RequestInit,
    )
    expect(answer.status).toBe(413)
  })

  it('tells its 413 even to a client that closes after it and reads only when all is sent', async () => {
    const run_id = await newRun()
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    const body = Buffer.alloc(3 * MAX_CHUNK_BYTES)
    const head = [
      `POST /api/v1/runs/${run_id}/chunks?process_id=${PROCESS_ID}&stream=sample&seq=0 HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      `Content-Length: ${body.length}`,
      'Connection: close',
    ]
    socket.pause()
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.write(body, (error) => (error ? reject(error) : resolve()))
    })
    expect((await answerOf(socket)).split('\r\n')[0]).toBe('HTTP/1.1 413 Payload Too Large')
  })

  it('refuses what is compressed or not Arrow with 415', async () => {
    const run_id = await newRun()
    const text = { ...chunk0, bytes: Buffer.from('t_ns,value\n1,2\n') }
    expect(await problem(await putChunk(server.api, run_id, text))).toMatchObject({
      status: 415,
      code: 'not_arrow',
    })
    const csv = await putChunk(server.api, run_id, chunk0, { 'content-type': 'text/csv' })
    expect(await problem(csv)).toMatchObject({ status: 415, code: 'not_arrow' })
    const gzip = await putChunk(server.api, run_id, chunk0, { 'content-encoding': 'gzip' })
    expect(await problem(gzip)).toMatchObject({ status: 415, code: 'compressed' })
  })

  it('refuses a chunk that was cut with 400, one of another schema with 422', async () => {
    const run_id = await newRun()
    const cut = { ...chunk0, bytes: chunk0.bytes.slice(0, -100) }
    expect(await problem(await putChunk(server.api, run_id, cut))).toMatchObject({
      status: 400,
      code: 'chunk_damaged',
    })
    const other = { ...requests, stream: 'sample' as const }
    expect(await problem(await putChunk(server.api, run_id, other))).toMatchObject({
      status: 422,
      code: 'chunk_schema',
    })
  })

  it('refuses a count that no column can hold with 422, naming column, row and value', async () => {
    const run_id = await newRun()
    const columns = [
      ['request_id', columnFromArray(['a', 'b'], utf8())],
      ['output_tokens', columnFromArray([24n, 3_107_511_590n], int64())],
    ]
    const bytes = tableToIPC(tableFromColumns(columns as never), { format: 'stream' })
    const wide = { ...requests, bytes: bytes as Uint8Array<ArrayBuffer> }
    const refused = await problem(await putChunk(server.api, run_id, wide))
    expect(refused).toMatchObject({ status: 422, code: 'chunk_range' })
    expect(refused.detail).toContain(
      'column output_tokens of stream request holds 3107511590 in row 1 (from 0); it holds a whole number from -2147483648 to 2147483647, or null',
    )
  })

  it('takes a count that a column can hold and no response can have, and reads it as absent', async () => {
    const run_id = await newRun()
    const bytes = encodeChunk('request', [
      { request_id: 'a', phase: 'measure', output_tokens: -1_187_455_706, input_tokens: 4 },
    ])
    const chunk = { ...requests, seq: 0, bytes: bytes as Uint8Array<ArrayBuffer> }
    expect((await putChunk(server.api, run_id, chunk)).status).toBe(201)
    const page = await (await fetch(`${server.api}/runs/${run_id}/requests`)).json()
    expect(page).toMatchObject({
      requests: [
        {
          input_tokens: 4,
          output_tokens: null,
          unbelievable_counts: '{"output_tokens":"-1187455706"}',
        },
      ],
    })
    // The stored bytes stay as they came.
    const raw = await fetch(`${server.api}/runs/${run_id}/streams/request?format=ndjson`)
    expect(JSON.parse(await raw.text())).toMatchObject({ output_tokens: -1_187_455_706 })
  })

  it.each(['-1', ''])(
    'names each bad query parameter; seq=%s is no place of a chunk',
    async (seq) => {
      const run_id = await newRun()
      const answer = await fetch(
        `${server.api}/runs/${run_id}/chunks?process_id=p0&stream=samples&seq=${seq}&x=1`,
        {
          method: 'POST',
          body: chunk0.bytes as Uint8Array<ArrayBuffer>,
        },
      )
      const { status, errors } = await problem(answer)
      expect(status).toBe(400)
      expect(errors?.map((e) => e.path)).toEqual(['query.stream', 'query.seq', 'query.x'])
    },
  )
})

describe('sealing a run', () => {
  it('refuses while chunks are missing and names them, then seals, then repeats', async () => {
    const run_id = await newRun()
    await putChunk(server.api, run_id, chunk0)
    await putChunk(server.api, run_id, chunk2)
    const all = sealOf([chunk0, chunk1, chunk2])
    const missing = await problem(await seal(server.api, run_id, all))
    expect(missing).toMatchObject({
      status: 409,
      code: 'chunks_missing',
      errors: [{ path: 'p0/sample/1', message: 'is missing' }],
    })
    await putChunk(server.api, run_id, chunk1)
    expect((await seal(server.api, run_id, all)).status).toBe(200)
    expect((await seal(server.api, run_id, all)).status).toBe(200)
    const other = await seal(server.api, run_id, { ...all, reason: 'another' })
    expect(await problem(other)).toMatchObject({ status: 409, code: 'sealed_otherwise' })
  })

  it('refuses a seal that counts fewer chunks than are stored', async () => {
    const run_id = await newRun()
    await putChunk(server.api, run_id, chunk0)
    await putChunk(server.api, run_id, chunk1)
    const answer = await problem(await seal(server.api, run_id, sealOf([chunk0])))
    expect(answer).toMatchObject({
      status: 409,
      code: 'chunks_surplus',
      errors: [{ path: 'p0/sample/1' }],
    })
  })

  it('refuses an outcome unlike that of run.json', async () => {
    const run_id = await newRun()
    const answer = await problem(await seal(server.api, run_id, sealOf([], 'failed')))
    expect(answer).toMatchObject({ status: 409, code: 'outcome_differs' })
  })

  it('takes no new chunk and no update afterwards, but repeated ones', async () => {
    const run_id = await newRun()
    await putChunk(server.api, run_id, chunk0)
    await seal(server.api, run_id, sealOf([chunk0]))
    expect((await putChunk(server.api, run_id, chunk0)).status).toBe(200)
    expect(await problem(await putChunk(server.api, run_id, chunk1))).toMatchObject({
      status: 409,
      code: 'run_sealed',
    })
    const put = (text: string) =>
      fetch(`${server.api}/runs/${run_id}`, { method: 'PUT', body: text })
    expect((await put(runText({ run_id }))).status).toBe(200)
    expect(await problem(await put(runText({ run_id, name: 'x' })))).toMatchObject({
      status: 409,
      code: 'run_sealed',
    })
    expect((await register(server.api, runText({ run_id }))).status).toBe(200)
  })

  it('refuses a body that is not a seal, field by field', async () => {
    const run_id = await newRun()
    const answer = await problem(
      await seal(server.api, run_id, {
        outcome: 'fine',
        chunks: [{ process_id: 'p0', stream: 'sample', count: -1 }],
      }),
    )
    expect(answer).toMatchObject({ status: 422, code: 'invalid_body' })
    expect(answer.errors?.map((e) => e.path)).toEqual(['outcome', 'chunks.0.count'])
  })

  it('seals runs while chunks of others are written, each with all of its own', async () => {
    const runs = Array.from({ length: 8 }, fresh)
    await Promise.all(runs.map((run_id) => sendRun(server.api, run_id)))
    const { runs: stored } = (await (await fetch(`${server.api}/runs?limit=1000`)).json()) as {
      runs: { run_id: string; state: string }[]
    }
    for (const run_id of runs)
      expect(stored.find((r) => r.run_id === run_id)).toMatchObject({ state: 'sealed' })
  })

  it('seals a run without any chunk', async () => {
    const run_id = await newRun()
    expect((await seal(server.api, run_id, sealOf([]))).status).toBe(200)
  })
})

describe('the wire', () => {
  it('states its version in each answer, errors too', async () => {
    for (const path of ['/api/v1/runs', '/api/v1/nowhere', '/healthz'])
      expect((await fetch(server.url + path)).headers.get('llem-schema')).toBe(WIRE_VERSION)
  })

  it('refuses another major version in words', async () => {
    const answer = await fetch(`${server.api}/runs`, { headers: { 'llem-schema': '9.0' } })
    expect(await problem(answer)).toMatchObject({
      status: 426,
      code: 'wire_version',
      detail: expect.stringContaining('9.0'),
    })
    expect((await fetch(`${server.api}/runs`, { headers: { 'llem-schema': '1.9' } })).status).toBe(
      200,
    )
  })

  it('takes an id of any allowed form', async () => {
    const run_id = 'host_1:2026-01-31.a'
    await register(server.api, runText({ run_id }))
    const bytes = encodeChunk('sample', sampleRows(0, 1))
    const answer = await putChunk(server.api, encodeURIComponent(run_id), { ...chunk0, bytes })
    expect(answer.status).toBe(201)
  })
})
