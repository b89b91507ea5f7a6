/**
 * The summary of a run of a million samples and ten thousand requests, from the stored chunks to every number, and
 * the heaviest of its sums by DuckDB, from the same rows as Parquet.
 *
 * Run: npx tsx bench/summary.ts   (for the second half: npm install --no-save @duckdb/node-api)
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeRun } from '../analysis/readings/decode-run.ts'
import { encodeChunk } from '../analysis/schema/arrow.ts'
import { runFileSchema } from '../analysis/schema/run.ts'
import type { RequestRow, SampleRow, StreamName } from '../analysis/schema/stream.ts'
import { summarise } from '../analysis/summary.ts'
import { rowsOf } from '../server/formats/decoded.ts'
import { encodeParquet } from '../server/formats/parquet.ts'
import type { StoredChunk } from '../server/store/chunks.ts'
import { median, printTable } from './table.ts'

const GPUS = 8
const HZ = 50
const MEASURE_S = 2_500 // 8 GPUs × 50 Hz × 2500 s = a million samples
const REQUESTS = 10_000
const TOKENS = 100
const CONCURRENCY = 64
const ROUNDS = 5
const S = 1e9

const gpu = (g: number) => `GPU-5f2a3b4c-0000-1111-2222-00000000000${g}`

function* sampleRows(): Generator<SampleRow> {
  for (let i = 0; i < MEASURE_S * HZ; i++)
    for (let g = 0; g < GPUS; g++)
      yield {
        t_ns: Math.round((i / HZ) * S) + g,
        device_id: gpu(g),
        sensor_id: `ring:${g}`,
        metric: 'gpu_power_mw',
        value: 400_000 + ((i * 7919 + g * 104_729) % 100_000),
      }
}

/** A closed loop: each slot sends when its last answer has ended. */
function* requestRows(): Generator<RequestRow> {
  const each_s = (MEASURE_S * CONCURRENCY) / REQUESTS
  for (let i = 0; i < REQUESTS; i++) {
    const slot = i % CONCURRENCY
    const sent = Math.round(
      (Math.floor(i / CONCURRENCY) * each_s + (slot * each_s) / CONCURRENCY) * S,
    )
    const gap = ((each_s * S) / TOKENS) * 0.98
    const chunk_t_ns = Array.from({ length: TOKENS }, (_, k) => Math.round(sent + (k + 1) * gap))
    const end = chunk_t_ns.at(-1) as number
    yield {
      request_id: `request-${i}`,
      phase: 'measure',
      sent_t_ns: sent,
      done_t_ns: end,
      closed_t_ns: end,
      chunk_t_ns,
      chunk_kind: chunk_t_ns.map(() => 'content'),
      chunk_tokens: chunk_t_ns.map(() => 1),
      input_tokens: 512,
      output_tokens: TOKENS,
      outcome: 'ok',
      mode: 'streamed',
    }
  }
}

function chunksOf<S extends StreamName>(
  stream: S,
  rows: Iterable<never>,
  each: number,
): StoredChunk[] {
  const chunks: StoredChunk[] = []
  let part: never[] = []
  const flush = () => {
    if (part.length === 0) return
    const bytes = encodeChunk(stream, part)
    const seq = chunks.length
    chunks.push({
      process_id: 'p0',
      stream,
      seq,
      sha256: '',
      size_bytes: bytes.length,
      row_count: part.length,
      bytes,
    })
    part = []
  }
  for (const row of rows) {
    part.push(row)
    if (part.length === each) flush()
  }
  flush()
  return chunks
}

const file = runFileSchema.parse({
  bundle_version: 1,
  run: {
    run_id: 'bench',
    experiment: { model: 'm', load: { shape: 'closed', concurrency: CONCURRENCY } },
    phases: [{ phase: 'measure', start_t_ns: 0, end_t_ns: MEASURE_S * S }],
    outcome: 'completed',
  },
  devices: Array.from({ length: GPUS }, (_, g) => ({ device_id: gpu(g), kind: 'gpu', tdp_w: 700 })),
  processes: [{ process_id: 'p0', device_ids: Array.from({ length: GPUS }, (_, g) => gpu(g)) }],
  sensors: Array.from({ length: GPUS }, (_, g) => ({
    sensor_id: `ring:${g}`,
    device_id: gpu(g),
    metric: 'gpu_power_mw',
    source: 'nvml_power_ring',
    scope: 'gpu',
    period_ms: 1000 / HZ,
  })),
})
const samples = chunksOf('sample', sampleRows() as never, 5_000)
const requests = chunksOf('request', requestRows() as never, 250)
const chunks = [...samples, ...requests]

const decode_s: number[] = []
const summarise_s: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  const start = performance.now()
  const run = decodeRun(file, chunks)
  const decoded = performance.now()
  summarise(run)
  decode_s.push((decoded - start) / 1000)
  summarise_s.push((performance.now() - decoded) / 1000)
}
const rows: string[][] = [
  [
    'decode the chunks',
    median(decode_s).toFixed(3),
    `${samples.length} + ${requests.length} chunks`,
  ],
  [
    'every number of the summary',
    median(summarise_s).toFixed(3),
    'energy, latency, throughput, findings, ranges',
  ],
]

const dir = mkdtempSync(join(tmpdir(), 'llem-bench-'))
try {
  const duckdb = await duckdbSeconds(dir)
  rows.push(
    duckdb === null
      ? ['DuckDB', '-', 'not there; npm install --no-save @duckdb/node-api']
      : [
          'DuckDB, from Parquet',
          duckdb.toFixed(3),
          'energy of each GPU, percentiles of ttft and of all token gaps',
        ],
  )
} finally {
  rmSync(dir, { recursive: true, force: true })
}
console.log(
  `${MEASURE_S * HZ * GPUS} samples, ${REQUESTS} requests of ${TOKENS} tokens, median of ${ROUNDS}\n`,
)
printTable(['what', 'seconds', 'of'], rows)

/** The same rows as Parquet, and the sums that take the longest: energy by device, quantiles of ttft and of a million gaps. */
async function duckdbSeconds(into: string): Promise<number | null> {
  const name = '@duckdb/node-api'
  const duckdb = await import(name).catch(() => null)
  if (duckdb === null) return null
  for (const [stream, of] of [
    ['sample', samples],
    ['request', requests],
  ] as const) {
    const parts: Uint8Array[] = []
    const read = async function* () {
      yield* of
    }
    for await (const part of encodeParquet(stream, rowsOf(stream, read))) parts.push(part)
    writeFileSync(join(into, `${stream}.parquet`), Buffer.concat(parts))
  }
  const instance = await duckdb.DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const seconds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    await connection.runAndReadAll(
      `select device_id, sum(value * dt) / 1e12 as energy_j from (
         select device_id, value, t_ns - lag(t_ns) over (partition by device_id order by t_ns) as dt
         from '${into}/sample.parquet') group by device_id`,
    )
    await connection.runAndReadAll(
      `select quantile_cont((chunk_t_ns[1] - sent_t_ns) / 1e6, [0.5, 0.9, 0.95, 0.99]) from '${into}/request.parquet'`,
    )
    await connection.runAndReadAll(
      `select quantile_cont(gap, [0.5, 0.9, 0.95, 0.99]) from (
         select (t - lag(t) over (partition by request_id order by t)) / 1e6 as gap
         from (select request_id, unnest(chunk_t_ns) as t from '${into}/request.parquet')) where gap is not null`,
    )
    seconds.push((performance.now() - start) / 1000)
  }
  return median(seconds)
}
