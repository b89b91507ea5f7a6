import { afterEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { createLoadGenerator } from '../../../agent/load/generator.ts'
import type { LoadGenerator, LoadOptions, RequestSource } from '../../../agent/load/load.ts'
import { promptHash } from '../../../agent/load/payload.ts'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import { quietEngine } from '../../support/running-engine.ts'
import {
  DONE,
  httpChunk,
  type RawServer,
  rawServer,
  type Script,
  text,
  usage,
} from './raw-server.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close()
})

const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
/** Two tokens, the second after a while. */
function slowly(ms: number): Script {
  return {
    steps: [
      [0, HEAD + httpChunk(text('a'))],
      [ms, `${httpChunk(text('b', 'length'))}${httpChunk(usage(4, 2))}${httpChunk(DONE)}0\r\n\r\n`],
    ],
    after: 'keep',
  }
}

const source: RequestSource = {
  measured: true,
  request: async (purpose, i) => ({
    request_id: `${purpose}-${i}`,
    prompt: `${purpose} ${i}`,
    requested_input_tokens: 4,
    requested_output_tokens: 2,
    prompt_sha256: promptHash(`${purpose} ${i}`),
  }),
}

interface Setup {
  readonly generator: LoadGenerator
  readonly rows: RequestRow[]
  readonly server: RawServer
  readonly clock: LoadOptions['clock']
  readonly abort: AbortController
}
async function setUp(
  load: Record<string, unknown>,
  script: Script | ((i: number) => Script),
  change: {
    phases?: Record<string, unknown>
    options?: Record<string, unknown>
    died?: Promise<string>
  } = {},
): Promise<Setup> {
  const server = await rawServer((i) => (typeof script === 'function' ? script(i) : script))
  open.push(server)
  const experiment = experimentConfigSchema.parse({
    model: 'm',
    engine: { name: 'openai', base_url: server.base_url, options: change.options ?? {} },
    load,
    phases: change.phases,
  })
  const quiet = quietEngine()
  const engine = quietEngine({
    base_url: server.base_url,
    info: {
      ...quiet.info,
      capabilities: { ...quiet.info.capabilities, fields: ['stream_options', 'min_tokens'] },
    },
    died: change.died ?? quiet.died,
  })
  const rows: RequestRow[] = []
  const abort = new AbortController()
  const clock = createClock()
  const generator = await createLoadGenerator({
    clock,
    engine,
    experiment,
    source,
    worker: 0,
    onRequest: (row) => rows.push(row),
    onProgress: () => {},
    signal: abort.signal,
  })
  open.push(generator)
  return { generator, rows, server, clock, abort }
}

/** Most requests open at once, by the rows' own times. */
function peak(rows: readonly RequestRow[]): number {
  const edges = rows.flatMap((r) => [
    [Number(r.sent_t_ns), 1],
    [Number(r.closed_t_ns), -1],
  ])
  let open_ = 0
  let most = 0
  for (const [, step] of edges.sort(
    ([a, x], [b, y]) => (a as number) - (b as number) || (x as number) - (y as number),
  )) {
    open_ += step as number
    most = Math.max(most, open_)
  }
  return most
}

describe('closed loop', () => {
  it('keeps so many in flight and stops after so many', async () => {
    const { generator, rows, server } = await setUp({ concurrency: 3, requests: 9 }, slowly(30))
    const result = await generator.measure('measure')
    expect(result).toMatchObject({ sent: 9, ok: 9, failed: 0, ended_by: 'requests' })
    expect(peak(rows)).toBe(3)
    expect(new Set(rows.map((r) => r.request_id)).size).toBe(9)
    expect(rows.every((r) => r.phase === 'measure' && r.scheduled_t_ns === null)).toBe(true)
    expect(result.stopped_t_ns).toBeLessThan(Math.max(...rows.map((r) => Number(r.closed_t_ns))))
    // Kept connections: one a slot, not one a request.
    expect(server.connections()).toBe(3)
    expect(JSON.parse(server.bodies[0] as string)).toEqual({
      model: 'm',
      prompt: 'measure 0',
      max_tokens: 2,
      stream: true,
      stream_options: { include_usage: true },
      min_tokens: 2,
    })
  })

  it('stops after so long, and lets the open requests end', async () => {
    const { generator, rows } = await setUp({ concurrency: 2, duration_s: 0.2 }, slowly(50))
    const result = await generator.measure('measure')
    expect(result.ended_by).toBe('duration')
    expect(result.sent).toBe(rows.length)
    expect(rows.every((r) => r.outcome === 'ok')).toBe(true)
    expect(rows.every((r) => Number(r.sent_t_ns) <= result.stopped_t_ns)).toBe(true)
  })

  it('cancels after drain_s what is still open when stopped, and keeps its part', async () => {
    const { generator, rows, abort } = await setUp(
      { concurrency: 2, requests: 9 },
      slowly(60_000),
      { phases: { drain_s: 0.1 } },
    )
    setTimeout(() => abort.abort(), 100)
    const result = await generator.measure('measure')
    expect(result).toMatchObject({ sent: 2, ok: 0, failed: 2, ended_by: 'signal' })
    expect(rows).toHaveLength(2)
    for (const row of rows)
      expect(row).toMatchObject({ outcome: 'cancelled', chunk_kind: ['content'] })
  })

  it('sends nothing when it is stopped before it begins', async () => {
    const { generator, rows, abort } = await setUp({ concurrency: 2, requests: 9 }, slowly(1))
    abort.abort()
    expect(await generator.measure('measure')).toMatchObject({ sent: 0, ended_by: 'signal' })
    expect(rows).toEqual([])
  })

  it('stops when the engine dies', async () => {
    const died = new Promise<string>((resolve) => setTimeout(() => resolve('SIGKILL'), 100))
    const { generator, rows } = await setUp({ concurrency: 1, duration_s: 60 }, slowly(60_000), {
      died,
      phases: { drain_s: 0.1 },
    })
    expect(await generator.measure('measure')).toMatchObject({ ended_by: 'engine', ok: 0 })
    expect(rows).toHaveLength(1)
  })

  it('does not hammer an engine that refuses connections', async () => {
    const { generator, rows, server } = await setUp({ concurrency: 1, duration_s: 0.35 }, slowly(1))
    await server.close()
    await generator.measure('measure')
    // A pause of 100 ms after each: at most four in 350 ms.
    expect(rows.length).toBeLessThanOrEqual(4)
    expect(rows.every((r) => r.outcome === 'refused')).toBe(true)
  })

  it('tells of itself', async () => {
    const { generator } = await setUp({ concurrency: 1, requests: 3 }, slowly(10))
    const { self } = await generator.measure('measure')
    expect(self.loop_delay_p99_ms).toBeGreaterThanOrEqual(0)
    expect(self.event_loop_utilisation).toBeGreaterThan(0)
    expect(self.event_loop_utilisation).toBeLessThanOrEqual(1)
    expect(self.cpu_s).toBeGreaterThan(0)
  })

  it('refuses options that the load sets itself, or that make times meaningless', async () => {
    await expect(setUp({}, slowly(1), { options: { max_tokens: 5 } })).rejects.toThrow(
      /engine\.options\.max_tokens is set by the load itself/,
    )
    await expect(setUp({}, slowly(1), { options: { n: 2 } })).rejects.toThrow(
      /engine\.options\.n is 2: times of several answers/,
    )
  })
})

describe('open loop', () => {
  it('sends at the scheduled instants, not one after the other', async () => {
    const { generator, rows } = await setUp(
      { shape: 'constant', rate: 100, requests: 20 },
      slowly(80),
    )
    const result = await generator.measure('measure')
    expect(result).toMatchObject({ sent: 20, ok: 20 })
    const due = rows.map((r) => Number(r.scheduled_t_ns)).sort((a, b) => a - b)
    // 100/s: 10 ms apart, to the nanosecond, however late any of them was sent.
    expect(due.map((t, i) => t - (due[0] as number) - i * 10_000_000)).toEqual(Array(20).fill(0))
    expect(rows.every((r) => Number(r.sent_t_ns) >= Number(r.scheduled_t_ns))).toBe(true)
    expect(peak(rows)).toBeGreaterThan(4)
  })

  it('with a limit of concurrency lets requests wait, and their schedule stays', async () => {
    const { generator, rows } = await setUp(
      { shape: 'constant', rate: 200, requests: 8, concurrency: 1 },
      slowly(30),
    )
    await generator.measure('measure')
    expect(peak(rows)).toBe(1)
    const due = rows.map((r) => Number(r.scheduled_t_ns)).sort((a, b) => a - b)
    expect((due[7] as number) - (due[0] as number)).toBe(35_000_000)
    // Seven answers of 30 ms lie before the last one: it waits at least 7 x 30 - 35 ms.
    expect(
      Math.max(...rows.map((r) => Number(r.sent_t_ns) - Number(r.scheduled_t_ns))),
    ).toBeGreaterThan(170e6)
  })
})

describe('warm-up', () => {
  it('sends a fixed number when told, judging nothing', async () => {
    const { generator, rows } = await setUp({ concurrency: 2, requests: 4 }, slowly(5), {
      phases: { warmup: 3 },
    })
    expect(await generator.warmup()).toEqual({ requests: 3, converged: null, cv: null })
    expect(rows.map((r) => r.phase)).toEqual(['warmup', 'warmup', 'warmup'])
  })

  it('goes on until times settle, with prompts that the measured requests do not share', async () => {
    const { generator, rows } = await setUp({ concurrency: 2, requests: 4 }, slowly(100))
    const warm = await generator.warmup()
    expect(warm.requests).toBeGreaterThanOrEqual(5)
    expect(warm.requests).toBeLessThanOrEqual(20)
    expect(warm.cv).not.toBeNull()
    await generator.measure('measure')
    expect(new Set(rows.map((r) => r.prompt_sha256)).size).toBe(rows.length)
  })

  it('gives up after 20 requests of an engine that fails', async () => {
    const failing: Script = {
      steps: [[0, 'HTTP/1.1 500 Error\r\ncontent-length: 2\r\n\r\nno']],
      after: 'keep',
    }
    const { generator, rows } = await setUp({ concurrency: 4 }, failing)
    expect(await generator.warmup()).toMatchObject({ requests: 20, converged: false, cv: null })
    expect(rows.every((r) => r.error_code === 'http_500')).toBe(true)
  })
})
