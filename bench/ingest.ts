/**
 * Ingest of samples: over HTTP into a server of its own process, against one row per sample inserted in the same kind
 * of database, and against the same blobs written straight with better-sqlite3: one by one, as one would write it, and
 * with all that the server does for speed (pages, log, eight a commit). All with WAL and synchronous FULL, on the same
 * disk, in turn, five rounds; the best of each counts, since what disturbs only slows. One server for all rounds: its
 * code is as warm as that of the others.
 *
 * Run: npx tsx bench/ingest.ts
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { Agent, request } from 'undici'
import { encodeChunk } from '../analysis/schema/arrow.ts'
import type { SampleRow } from '../analysis/schema/stream.ts'
import { PAGE_BYTES, setDurable } from '../server/store/connection.ts'

const CHUNKS = 400
const ROWS_PER_CHUNK = 5_000 // 5 s of 8 GPUs: ring at 50 Hz and six gauges at 10 Hz
const ROUNDS = 5
/** As many requests under way as an agent has. */
const PARALLEL = 8
const PROGRAM = fileURLToPath(new URL('../dist/bin/llem-server.js', import.meta.url))

const METRICS = ['gpu_power_mw', 'gpu_temperature_c', 'gpu_sm_clock_mhz', 'gpu_utilisation_pct']
const rowsOf = (seq: number): SampleRow[] =>
  Array.from({ length: ROWS_PER_CHUNK }, (_, i) => ({
    t_ns: seq * 5e9 + i * 1e6,
    device_id: `GPU-5f2a3b4c-0000-1111-2222-00000000000${i % 8}`,
    sensor_id: `nvml_power_ring:${i % 8}`,
    metric: METRICS[i % METRICS.length] as string,
    value: 300_000 + ((i * 7919) % 100_000),
  }))
const rows = Array.from({ length: CHUNKS }, (_, seq) => rowsOf(seq))
const chunks = rows.map((r) => encodeChunk('sample', r))
const digests = chunks.map((c) => createHash('sha256').update(c).digest())
const SAMPLES = CHUNKS * ROWS_PER_CHUNK

function open(path: string): Database.Database {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  return db
}

/** The columns of stream `sample`, a row each; one transaction a chunk, so that as little is lost as with chunks. */
function insertRows(dir: string): number {
  const db = open(join(dir, 'rows.db'))
  db.exec(
    'create table sample (run_id text, process_id text, t_ns integer, device_id text, sensor_id text, metric text, value real, reason text)',
  )
  const insert = db.prepare('insert into sample values (?, ?, ?, ?, ?, ?, ?, ?)')
  const start = performance.now()
  for (const part of rows)
    db.transaction(() => {
      for (const r of part)
        insert.run('bench', 'p0', r.t_ns, r.device_id, r.sensor_id, r.metric, r.value, null)
    })()
  const seconds = (performance.now() - start) / 1000
  db.close()
  return seconds
}

/** The bytes alone, with what finds them again: hashed, and committed `group` at a time. */
function writeBlobs(db: Database.Database, group: number): number {
  db.exec(
    'create table chunk (run_id text, process_id text, stream text, seq integer, sha256 text, bytes blob, primary key (run_id, process_id, stream, seq))',
  )
  const insert = db.prepare('insert into chunk values (?, ?, ?, ?, ?, ?)')
  const write = db.transaction((from: number) => {
    for (const [i, bytes] of chunks.slice(from, from + group).entries()) {
      const hash = createHash('sha256').update(bytes).digest('hex')
      insert.run('bench', 'p0', 'sample', from + i, hash, bytes)
    }
  })
  const start = performance.now()
  for (let from = 0; from < CHUNKS; from += group) write(from)
  const seconds = (performance.now() - start) / 1000
  db.close()
  return seconds
}

const blobsAlone = (dir: string): number => writeBlobs(open(join(dir, 'blobs.db')), 1)

function blobsTogether(dir: string): number {
  const db = new Database(join(dir, 'together.db'))
  db.pragma(`page_size = ${PAGE_BYTES}`)
  setDurable(db)
  return writeBlobs(db, PARALLEL)
}

interface Server {
  /** Sends all chunks into a run of its own; seconds until the last is acknowledged. */
  send(run_id: string): Promise<number>
  close(): Promise<void>
}

async function startServer(dir: string): Promise<Server> {
  const args = ['serve', '--db', join(dir, 'http.db'), '--port', '0', '--json']
  const child = spawn(process.execPath, [PROGRAM, ...args, '--until-stdin-closes'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (part) => resolve(String(part)))
    child.once('exit', () => reject(new Error('the server did not start; run: npm run build')))
  })
  const api = `${(JSON.parse(line) as { listening: string }).listening}/api/v1`

  async function post(
    dispatcher: Agent,
    path: string,
    body: string | Uint8Array,
    headers: Record<string, string>,
  ) {
    const answer = await request(api + path, { method: 'POST', dispatcher, body, headers })
    await answer.body.dump()
    if (answer.statusCode !== 201) throw new Error(`${path}: status ${answer.statusCode}`)
  }

  return {
    async send(run_id) {
      const run = {
        bundle_version: 1,
        run: { run_id, experiment: {}, phases: [] },
        devices: [],
        processes: [{ process_id: 'p0' }],
      }
      // Of this round: the server ends connections that were idle while the others had their turn.
      const agent = new Agent({ connections: PARALLEL })
      await post(agent, '/runs', JSON.stringify(run), {})
      const start = performance.now()
      let next = 0
      await Promise.all(
        Array.from({ length: PARALLEL }, async () => {
          for (let seq = next++; seq < CHUNKS; seq = next++)
            await post(
              agent,
              `/runs/${run_id}/chunks?process_id=p0&stream=sample&seq=${seq}`,
              chunks[seq] as Uint8Array,
              {
                'content-type': 'application/vnd.apache.arrow.stream',
                'content-digest': `sha-256=:${digests[seq]?.toString('base64')}:`,
              },
            )
        }),
      )
      const seconds = (performance.now() - start) / 1000
      await agent.close()
      return seconds
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.stdin.end()
      await ended
    },
  }
}

const home = mkdtempSync(join(tmpdir(), 'llem-bench-'))
const server = await startServer(home)
const ways = {
  http: (_: string, round: number) => server.send(`bench-${round}`),
  rows: insertRows,
  blobs: blobsAlone,
  together: blobsTogether,
}
type Way = keyof typeof ways
const best = Object.fromEntries(
  Object.keys(ways).map((way) => [way, Number.POSITIVE_INFINITY]),
) as Record<Way, number>
try {
  for (let round = 0; round < ROUNDS; round++)
    for (const way of Object.keys(ways) as Way[]) {
      const dir = mkdtempSync(join(home, 'round-'))
      best[way] = Math.min(best[way], await ways[way](dir, round))
      rmSync(dir, { recursive: true })
    }
} finally {
  await server.close()
  rmSync(home, { recursive: true })
}

const megabytes = chunks.reduce((n, c) => n + c.length, 0) / 1e6
const ratio = (a: number, b: number) => (a / b).toFixed(2)
console.log(`${SAMPLES} samples, ${CHUNKS} chunks, ${megabytes.toFixed(1)} MB, best of ${ROUNDS}\n`)
console.log('| way | seconds | samples/s | HTTP is so many times as fast | at least |')
console.log('| --- | ---: | ---: | ---: | ---: |')
const line = (name: string, seconds: number, times: string, least: string) =>
  console.log(
    `| ${name} | ${seconds.toFixed(3)} | ${(SAMPLES / seconds / 1e6).toFixed(2)} M | ${times} | ${least} |`,
  )
line('chunks over HTTP', best.http, '1', '')
line('one row per sample', best.rows, ratio(best.rows, best.http), '5')
line('the same blobs, straight, one by one', best.blobs, ratio(best.blobs, best.http), '0.5')
line('the same, as the server commits', best.together, ratio(best.together, best.http), '')
