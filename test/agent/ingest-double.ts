import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readChunk } from '../../analysis/schema/arrow.ts'
import type { StreamName } from '../../analysis/schema/stream.ts'
import { type Seal, WIRE_HEADER, WIRE_VERSION } from '../../analysis/schema/wire.ts'

/** What the double does with a request instead of, before or after answering it. */
export type Fault =
  | 'drop_before' // the connection ends, nothing is stored
  | 'drop_after' // stored, and then the connection ends without an answer
  | { status: number } // refused, nothing is stored
  | { delay_ms: number }

export interface DoubleRun {
  run_json: string
  seal: Seal | null
  /** By PROCESS/STREAM/SEQ. */
  readonly chunks: Map<string, Buffer>
}

/**
 * The ingest part of the HTTP contract in memory, to be killed, restarted and made to fail: a double of the
 * protocol, so that faults can be had on demand. What was committed survives `kill`.
 */
export interface IngestDouble {
  url(): string
  readonly runs: Map<string, DoubleRun>
  /** Chunks that came again with the same bytes, and (never to happen) with others. */
  readonly counts: { stored: number; already: number; conflicts: number }
  fault: (request: { method: string; path: string }) => Fault | null
  schema: string | null
  start(port?: number): Promise<void>
  /** Ends all connections at once, as a killed process does. */
  kill(): Promise<void>
}

export function createIngestDouble(): IngestDouble {
  let server: Server | null = null
  let port = 0
  const double: IngestDouble = {
    url: () => `http://127.0.0.1:${port}`,
    runs: new Map(),
    counts: { stored: 0, already: 0, conflicts: 0 },
    fault: () => null,
    schema: WIRE_VERSION,
    async start(at = port) {
      server = createServer((request, response) => {
        answer(double, request, response).catch(() => response.destroy())
      })
      server.listen(at, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    },
    async kill() {
      const closing = server
      server = null
      if (closing === null) return
      const closed = once(closing, 'close')
      closing.close()
      closing.closeAllConnections()
      await closed
    },
  }
  return double
}

async function answer(
  double: IngestDouble,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', double.url())
  const method = request.method ?? 'GET'
  const fault = double.fault({ method, path: pathname })
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  if (fault === 'drop_before') return void response.destroy()
  if (fault !== null && typeof fault === 'object' && 'delay_ms' in fault)
    await new Promise((resolve) => setTimeout(resolve, fault.delay_ms))
  if (response.destroyed) return
  const [status, body] =
    fault !== null && typeof fault === 'object' && 'status' in fault
      ? problem(fault.status, 'on_demand')
      : route(double, method, pathname, searchParams, Buffer.concat(parts), request)
  if (fault === 'drop_after') return void response.destroy()
  if (double.schema !== null) response.setHeader(WIRE_HEADER, double.schema)
  response.writeHead(status, {
    'Content-Type': status < 400 ? 'application/json' : 'application/problem+json',
  })
  response.end(JSON.stringify(body))
}

type Answer = [number, unknown]

function problem(status: number, code: string): Answer {
  return [status, { title: code, status, code, detail: `The double answers ${code}.` }]
}

function route(
  double: IngestDouble,
  method: string,
  path: string,
  query: URLSearchParams,
  body: Buffer,
  request: IncomingMessage,
): Answer {
  if (path === '/healthz') return [200, { ok: true }]
  if (path === '/api/v1/runs' && method === 'GET') return [200, { runs: [], next_cursor: null }]
  if (path === '/api/v1/runs') {
    const text = body.toString('utf8')
    const { run_id } = (JSON.parse(text) as { run: { run_id: string } }).run
    const there = double.runs.get(run_id)
    if (there) return there.run_json === text ? [200, {}] : problem(409, 'run_differs')
    double.runs.set(run_id, { run_json: text, seal: null, chunks: new Map() })
    return [201, {}]
  }
  const [, run_id = '', rest = ''] = /^\/api\/v1\/runs\/([^/]+)\/?(.*)$/.exec(path) ?? []
  const run = double.runs.get(run_id)
  if (!run) return problem(404, 'no_run')
  if (method === 'PUT') {
    const text = body.toString('utf8')
    if (run.seal !== null && run.run_json !== text) return problem(409, 'sealed')
    run.run_json = text
    return [200, {}]
  }
  if (rest === 'chunks') return chunk(double, run, query, body, request)
  if (rest === 'seal') return seal(run, JSON.parse(body.toString('utf8')) as Seal)
  return problem(404, 'no_route')
}

function chunk(
  double: IngestDouble,
  run: DoubleRun,
  query: URLSearchParams,
  body: Buffer,
  request: IncomingMessage,
): Answer {
  const [process_id, stream] = [query.get('process_id') ?? '', query.get('stream') ?? '']
  const digest = createHash('sha256').update(body).digest('base64')
  if (request.headers['content-digest'] !== `sha-256=:${digest}:`)
    return problem(400, 'digest_mismatch')
  const known = (JSON.parse(run.run_json) as { processes: { process_id: string }[] }).processes
  if (!known.some((p) => p.process_id === process_id)) return problem(404, 'no_process')
  readChunk(stream as StreamName, body)
  const key = `${process_id}/${stream}/${query.get('seq')}`
  const there = run.chunks.get(key)
  if (there) {
    const same = there.equals(body)
    double.counts[same ? 'already' : 'conflicts']++
    return same ? [200, {}] : problem(409, 'other_bytes')
  }
  if (run.seal !== null) return problem(409, 'sealed')
  run.chunks.set(key, body)
  double.counts.stored++
  return [201, {}]
}

function seal(run: DoubleRun, how: Seal): Answer {
  if (run.seal !== null)
    return JSON.stringify(run.seal) === JSON.stringify(how) ? [200, {}] : problem(409, 'other_seal')
  const wanted = how.chunks.flatMap(({ process_id, stream, count }) =>
    Array.from({ length: count }, (_, seq) => `${process_id}/${stream}/${seq}`),
  )
  const missing = wanted.filter((key) => !run.chunks.has(key))
  if (missing.length > 0 || wanted.length !== run.chunks.size) return problem(409, 'chunks_missing')
  run.seal = how
  return [200, {}]
}
