/**
 * What an import over HTTP costs those who are served meanwhile: /healthz and ingest, a request of each every 25 ms, alone and
 * while files are imported one after the other. Server and client in processes of their own.
 *
 * Run: npx tsx bench/import-beside.ts [path of another llem-server.js]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent, request } from 'undici'
import { encodeChunk } from '../analysis/schema/arrow.ts'
import type { SampleRow } from '../analysis/schema/stream.ts'
import { printTable } from './table.ts'

const PROGRAM =
  process.argv[2] ?? fileURLToPath(new URL('../dist/bin/llem-server.js', import.meta.url))
const EVERY_MS = 25
const SECONDS = 15
const ROWS = 5_000 // a chunk as an agent of eight GPUs sends it

const chunk = encodeChunk(
  'sample',
  Array.from({ length: ROWS }, (_, i) => ({
    t_ns: i * 1e6,
    device_id: `GPU-${i % 8}`,
    sensor_id: `nvml_power_ring:${i % 8}`,
    metric: 'gpu_power_mw',
    value: 300_000 + ((i * 7919) % 100_000),
    reason: null,
  })) as SampleRow[],
)
const digest = createHash('sha256').update(chunk).digest('base64')

const [head, row = ''] = readFileSync(
  new URL('../test/fixtures/importers/codecarbon/emissions.csv', import.meta.url),
  'utf8',
).split('\n')
let serial = 0
const emissions = (rows: number): Buffer => {
  const runs = Array.from({ length: rows }, () => row.replace('double', `run ${serial++}`))
  return Buffer.from([head, ...runs, ''].join('\n'))
}
/**
 * What is imported meanwhile, over and over. Made beforehand: what takes this process long would count as the server's.
 */
const FILES: Readonly<Record<string, readonly Buffer[]>> = {
  'nothing else': [],
  'CodeCarbon, 10,000 runs, 4 MB, stored': Array.from({ length: 15 }, () => emissions(10_000)),
  '30 MB of [': [Buffer.alloc(30_000_000, '[')],
  '48 MB of CSV, two cells a row': [Buffer.from(`a,b\n${'1,2\n'.repeat(12_000_000)}`)],
}

const dir = mkdtempSync(join(tmpdir(), 'llem-bench-'))
const server = spawn(
  process.execPath,
  [PROGRAM, 'serve', '--db', join(dir, 'b.db'), '--port', '0', '--json', '--until-stdin-closes'],
  { stdio: ['pipe', 'pipe', 'inherit'] },
)
const url = await listening(server)
const open = (connections: number) => new Agent({ connections, headersTimeout: 0, bodyTimeout: 0 })
/** Each kind has connections of its own: none waits here for one of another kind. */
const agents = { health: open(4), chunks: open(8), imports: open(1) }
const post = async (
  dispatcher: Agent,
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
) => {
  const response = await request(`${url}/api/v1${path}`, {
    method: 'POST',
    dispatcher,
    body,
    headers,
  })
  await response.body.dump()
  return response.statusCode
}

async function listening(child: ChildProcess): Promise<string> {
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (part) => resolve(String(part)))
    child.once('exit', () => reject(new Error('the server did not start; run: npm run build')))
  })
  return (JSON.parse(line) as { listening: string }).listening
}

interface Times {
  readonly health: number[]
  readonly ingest: number[]
  imports: number
  status: number
}

/** Latencies in ms from the instant at which a request was due: one that waits behind another is late too. */
async function during(run_id: string, files: readonly Buffer[]): Promise<Times> {
  const run = { run_id, experiment: {}, phases: [] }
  const devices: object[] = []
  const processes = [{ process_id: 'p0' }]
  await post(agents.chunks, '/runs', JSON.stringify({ bundle_version: 1, run, devices, processes }))
  const times: Times = { health: [], ingest: [], imports: 0, status: 0 }
  const end = performance.now() + SECONDS * 1000
  const importing = (async () => {
    while (files.length > 0 && performance.now() < end) {
      const file = files[times.imports++ % files.length] as Buffer
      times.status = await post(agents.imports, '/import', file)
    }
  })()
  const sent: Promise<void>[] = []
  const timed = async (into: number[], due: number, work: () => Promise<unknown>) => {
    await work()
    into.push(performance.now() - due)
  }
  let seq = 0
  for (let due = performance.now(); due < end; due += EVERY_MS) {
    await sleep(Math.max(0, due - performance.now()))
    const path = `/runs/${run_id}/chunks?process_id=p0&stream=sample&seq=${seq++}`
    const headers = {
      'content-type': 'application/vnd.apache.arrow.stream',
      'content-digest': `sha-256=:${digest}:`,
    }
    sent.push(
      timed(times.health, due, async () =>
        (await request(`${url}/healthz`, { dispatcher: agents.health })).body.dump(),
      ),
      timed(times.ingest, due, async () => {
        const status = await post(agents.chunks, path, chunk, headers)
        if (status !== 201) throw new Error(`${path}: status ${status}`)
      }),
    )
  }
  await Promise.all([importing, ...sent])
  return times
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1] ?? Number.NaN

const rows: string[][] = []
try {
  await during('warm-up', [])
  let alone: Times | null = null
  for (const [i, [what, files]] of Object.entries(FILES).entries()) {
    const times = await during(`run-${i}`, files)
    alone ??= times
    const cells = (['health', 'ingest'] as const).flatMap((kind) => {
      const p99 = quantile(times[kind], 0.99)
      return [
        quantile(times[kind], 0.5).toFixed(1),
        p99.toFixed(0),
        (p99 / quantile((alone as Times)[kind], 0.99)).toFixed(1),
        Math.max(...times[kind]).toFixed(0),
      ]
    })
    rows.push([what, files.length === 0 ? '' : `${times.imports}, ${times.status}`, ...cells])
  }
} finally {
  server.stdin?.end()
  await Promise.all(Object.values(agents).map((a) => a.close()))
  rmSync(dir, { recursive: true, force: true })
}
const head_of = (kind: string) => [`${kind} p50 ms`, 'p99 ms', 'ratio of p99', 'most ms']
printTable(['meanwhile', 'imports, status', ...head_of('/healthz'), ...head_of('chunk')], rows)
