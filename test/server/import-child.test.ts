import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { IMPORT_LIMITS } from '../../server/importing/limits.ts'
import { ROOT } from '../support/root.ts'
import { serveProgram } from './program.ts'
import { runText, sampleChunks, type TestChunk } from './sample-run.ts'
import { problem, putChunk, register, type Served, served } from './served.ts'

const [HEAD, ROW = ''] = readFileSync(
  join(ROOT, 'test/fixtures/importers/codecarbon/emissions.csv'),
  'utf8',
).split('\n')
/** A file of CodeCarbon with so many runs; 10,000 take about a second to read. */
const emissions = (rows: number): string =>
  `${HEAD}\n${Array.from({ length: rows }, (_, i) => ROW.replace('double', `run ${i}`)).join('\n')}\n`
/** Would take half a minute. */
const LONG = emissions(150_000)

let tmp: string
let tmp_before: string | undefined
let server: Served | null
beforeEach(() => {
  server = null
  tmp = mkdtempSync(join(tmpdir(), 'llem-import-test-'))
  tmp_before = process.env['TMPDIR']
})
afterEach(async () => {
  await server?.close()
  if (tmp_before === undefined) delete process.env['TMPDIR']
  else process.env['TMPDIR'] = tmp_before
  rmSync(tmp, { recursive: true, force: true })
})

async function serve(options: Parameters<typeof served>[0] = {}): Promise<Served> {
  server = await served(options)
  // From here on, so that what an import leaves in the temporary folder is seen.
  process.env['TMPDIR'] = join(tmp)
  return server
}

const send = (api: string, body: string | Uint8Array, query = '', signal?: AbortSignal) =>
  fetch(`${api}/import${query}`, {
    method: 'POST',
    body: body as Uint8Array<ArrayBuffer>,
    ...(signal ? { signal } : {}),
  })
const stored = async ({ store }: Served) =>
  (await store.db.selectFrom('result').select('result_id').execute()).length

/** Processes that run import-child and were started by `parent`. */
const childrenOf = (parent: number): number[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, ppid, ...args]) => Number(ppid) === parent && args.join(' ').includes('import-child'),
    )
    .map(([pid]) => Number(pid))

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (holds()) return
    await sleep(100)
  }
  throw new Error(`not so after ten seconds: ${what}`)
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('an import that passes a limit', () => {
  it('of time is ended, while the server goes on', async () => {
    const it = await serve({ import_limits: { seconds: 2 } })
    await register(it.api, runText({ run_id: 'beside' }))
    const order: string[] = []
    const importing = send(it.api, LONG, '?name=long.csv').then((response) => {
      order.push('import')
      return response
    })
    await until('it is read in a process of its own', () => childrenOf(process.pid).length === 1)
    const [chunk] = sampleChunks() as [TestChunk]
    expect((await putChunk(it.api, 'beside', chunk)).status).toBe(201)
    for (let i = 0; i < 20; i++) expect((await fetch(`${it.url}/healthz`)).status).toBe(200)
    order.push('twenty of health')
    const { status, code, detail } = await problem(await importing)
    expect(order).toEqual(['twenty of health', 'import'])
    expect([status, code]).toEqual([422, 'import_time_limit'])
    expect(detail).toBe(
      'long.csv took more than the 2 s that an import may take, and was ended. Nothing was imported. Cut the file into smaller ones, import it with llem-server import, or start the server with a higher --import-seconds (LLEM_IMPORT_SECONDS).',
    )
    expect([childrenOf(process.pid), await stored(it), readdirSync(tmp)]).toEqual([[], 0, []])
    expect(it.log).toEqual([])
  })

  it('of memory is ended wherever it holds it: in buffers, or in values', async () => {
    const it = await serve({ import_limits: { memory_mb: 200 } })
    // 250 MB of spaces, one buffer outside of V8's heap.
    const bomb = await problem(await send(it.api, gzipSync(Buffer.alloc(250_000_000, 0x20))))
    expect([bomb.status, bomb.code]).toEqual([422, 'import_memory_limit'])
    expect(bomb.detail).toMatch(
      /^upload held \d+ MB of memory while it was read, over the 200 MB that an import may hold, and was ended\. Nothing was imported\..*--import-memory/,
    )
    // Four million rows of two cells.
    const cells = await problem(await send(it.api, `a,b\n${'1,2\n'.repeat(4_000_000)}`))
    expect([cells.status, cells.code]).toEqual([422, 'import_memory_limit'])
    expect([childrenOf(process.pid), await stored(it), readdirSync(tmp)]).toEqual([[], 0, []])
  })

  it('of results or of its length is refused, and one below them is stored', async () => {
    const it = await serve({ import_limits: { results: 2, body_mb: 1 } })
    expect(await problem(await send(it.api, emissions(3), '?name=e.csv'))).toMatchObject({
      status: 422,
      code: 'import_results_limit',
      detail: expect.stringMatching(
        /^e\.csv holds 3 results; an import stores at most 2 at once\. Nothing was imported\..*--import-results/,
      ),
    })
    const large = await send(it.api, new Uint8Array(1_000_001))
    expect(await problem(large)).toMatchObject({ status: 413, code: 'too_large' })
    expect(await stored(it)).toBe(0)
    expect(await (await send(it.api, emissions(2))).json()).toMatchObject({
      dry_run: false,
      inserted: 2,
      same: 0,
      rows: { mapped: 2, ignored: 0, lost: 0 },
    })
    expect([await stored(it), readdirSync(tmp)]).toEqual([2, []])
  })
})

describe('the process that reads an import', () => {
  it('gives a verdict on each of many rows, more than it could send as one line', async () => {
    const it = await serve()
    const response = await send(it.api, `${HEAD}\n${ROW}\n${'1,2\n'.repeat(20_000)}`, '?dry_run=1')
    const text = await response.text()
    expect(Number(response.headers.get('content-length'))).toBe(Buffer.byteLength(text))
    const body = JSON.parse(text) as { verdicts: unknown[]; rows: unknown }
    expect([body.verdicts.length, body.rows]).toEqual([
      20_001,
      { mapped: 1, ignored: 0, lost: 20_000 },
    ])
    expect([await stored(it), readdirSync(tmp)]).toEqual([0, []])
  })

  it('ends with the client that left, and lets the next import in', async () => {
    const it = await serve()
    const leaving = new AbortController()
    const left = send(it.api, LONG, '', leaving.signal).catch((error: Error) => error.name)
    await until('it runs', () => childrenOf(process.pid).length === 1)
    leaving.abort()
    expect(await left).toBe('AbortError')
    expect((await send(it.api, emissions(1))).status).toBe(200)
    await until('it is gone', () => childrenOf(process.pid).length === 0)
    expect([await stored(it), readdirSync(tmp), it.log]).toEqual([1, [], []])
  })

  it('ends with its server, however that ends, and leaves nothing', async () => {
    const env = { TMPDIR: tmp, LLEM_IMPORT_SECONDS: '500' }
    const db = join(tmp, 'db')
    const serving = await serveProgram(`${db}.db`, ['--import-memory', '3000'], { env })
    const cut = send(`${serving.url}/api/v1`, LONG).catch((error: Error) => error.name)
    await until('it runs', () => childrenOf(serving.pid).length === 1)
    const [pid] = childrenOf(serving.pid) as [number]
    process.kill(serving.pid, 'SIGKILL')
    await serving.ended
    expect(await cut).toBe('TypeError')
    await until('it is gone', () => !isAlive(pid))
    expect(readdirSync(tmp).filter((name) => !name.startsWith('db.db'))).toEqual([])
  })

  it('ends with a server that is ended, which reports it', async () => {
    const it = await serve()
    const cut = send(it.api, LONG).then(problem)
    await until('it runs', () => childrenOf(process.pid).length === 1)
    server = null
    await it.close()
    expect(await cut).toMatchObject({ status: 503, code: 'closing' })
    expect([childrenOf(process.pid), readdirSync(tmp)]).toEqual([[], []])
  })

  it.each([
    [
      "process.kill(process.pid, 'SIGSEGV')",
      /read e\.csv ended by itself \(SIGSEGV\).*Nothing was imported\.$/,
    ],
    ["process.kill(process.pid, 'SIGKILL')", /was ended by the system \(SIGKILL\).*no memory left/],
    ['process.exit(3)', /ended by itself \(exit 3\)/],
    [`console.log('a warning, or so'); console.log('{"so":1}')`, /ended by itself \(exit 0\)/],
    [
      `console.log('{"storing":true}'); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300)`,
      /may be there: import it again, what is there is not stored twice\.$/,
    ],
  ])('that crashes is a sentence, and a line for the operator: %s', async (code, sentence) => {
    const import_child = join(tmp, 'crash.mjs')
    writeFileSync(import_child, code)
    const it = await serve({ import_child })
    const { status, code: kind, detail } = await problem(await send(it.api, 'x', '?name=e.csv'))
    expect([status, kind]).toEqual([500, 'import_ended'])
    expect(detail).toMatch(sentence)
    expect(it.log).toEqual([expect.stringContaining('import of e.csv: its process ended')])
    expect((await fetch(`${it.url}/healthz`)).status).toBe(200)
  })

  it('that fills its heap passes the limit of memory', async () => {
    const import_child = join(tmp, 'heap.mjs')
    writeFileSync(import_child, 'const all = []; for (;;) all.push({ a: all.length + 0.5 })')
    const it = await serve({ import_child, import_limits: { memory_mb: 128 } })
    const { code, detail } = await problem(await send(it.api, 'x'))
    expect(code).toBe('import_memory_limit')
    expect(detail).toMatch(/^upload filled the 96 MB of heap, three quarters of the 128 MB/)
  })
})

describe('many imports at once', () => {
  it('wait for their turn; beyond eight that wait they are sent away with a time to come back', async () => {
    const it = await serve()
    const leaving = new AbortController()
    const refused: unknown[] = []
    const all = Array.from({ length: 12 }, async () => {
      const response = await send(it.api, emissions(5_000), '?dry_run=1', leaving.signal)
      const { code } = await problem(response)
      if (response.status === 503) refused.push([code, response.headers.get('retry-after')])
      if (refused.length === 3) leaving.abort()
      return response.status
    })
    await Promise.allSettled(all)
    expect(refused).toEqual(Array(3).fill(['imports_busy', '10']))
    // The server may see a little later than we that they have left.
    let response = await send(it.api, emissions(1))
    for (; response.status === 503; response = await send(it.api, emissions(1))) await sleep(100)
    expect(response.status).toBe(200)
  })

  it('read one after the other are all stored', async () => {
    const it = await serve({ import_limits: { at_once: 2 } })
    const files = Array.from({ length: 5 }, (_, i) => emissions(2).replaceAll('run ', `f${i} `))
    const responses = await Promise.all(files.map((file) => send(it.api, file)))
    expect(responses.map((a) => a.status)).toEqual([200, 200, 200, 200, 200])
    expect(await stored(it)).toBe(10)
  })
})

describe('a body', () => {
  it('that breaks off gives its place to the next import, and leaves nothing', async () => {
    const it = await serve()
    for (let round = 0; round < 2; round++) {
      const sockets = Array.from({ length: 9 }, () =>
        connect(Number(new URL(it.url).port), '127.0.0.1'),
      )
      for (const socket of sockets)
        socket.write(
          'POST /api/v1/import HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nten bytes.',
        )
      // Nine are inside: no more may wait.
      let response = await send(it.api, emissions(1))
      for (; response.status !== 503; response = await send(it.api, emissions(1))) await sleep(20)
      for (const socket of sockets) socket.destroy()
      for (; response.status === 503; response = await send(it.api, emissions(1))) await sleep(20)
      expect(response.status).toBe(200)
    }
    await until('all files are gone', () => readdirSync(tmp).length === 0)
    expect([childrenOf(process.pid), it.log]).toEqual([[], []])
  })

  it('gets memory as its bytes come, not as its header claims', async () => {
    const it = await serve()
    await register(it.api, runText({ run_id: 'claims' }))
    const before = process.memoryUsage().arrayBuffers
    const sockets = Array.from({ length: 20 }, () =>
      connect(Number(new URL(it.url).port), '127.0.0.1'),
    )
    for (const socket of sockets)
      socket.write(
        'POST /api/v1/runs/claims/chunks?process_id=p0&stream=sample&seq=0 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 16000000\r\n\r\nten bytes.',
      )
    await sleep(300)
    // Twenty times 16 MB were claimed.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000)
    for (const socket of sockets) socket.destroy()
    await sleep(50)
    expect(it.log).toEqual([])
  })
})

it('docs/importers.md names every limit with its option, variable and what it is at first', () => {
  const docs = readFileSync(join(ROOT, 'docs/importers.md'), 'utf8')
  for (const { option, env, initial, unit } of Object.values(IMPORT_LIMITS))
    expect(docs).toMatch(
      new RegExp(`\\| \`${option}\`, \`${env}\` \\| ${initial.toLocaleString('en')} ${unit} \\|`),
    )
})
