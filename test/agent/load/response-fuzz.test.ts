import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { createSender, type Sender } from '../../../agent/load/send.ts'
import { readAnswer } from '../../../analysis/requests/answer.ts'
import { encodeChunk, readChunk } from '../../../analysis/schema/arrow.ts'
import { OUTCOMES, type RequestRow } from '../../../analysis/schema/stream.ts'
import { TOKEN_COUNTS } from '../../../analysis/schema/token-count.ts'
import { fuzzRuns } from '../../support/fuzz-factor.ts'
import { type RawServer, rawServer } from './raw-server.ts'
import { readBody } from './read-body.ts'
import { ENDED_CASES, ERROR_CASES, OTHER_CASES } from './response-cases.ts'

const COUNTS = [
  '0',
  '1',
  '2',
  '7',
  '-1',
  '2.5',
  '1e300',
  '1e999',
  '2147483648',
  '-0',
  '"3"',
  'null',
]
const count = fc.oneof(fc.constantFrom(...COUNTS), fc.integer().map(String))
const json = fc.jsonValue({ maxDepth: 2 }).map((v) => JSON.stringify(v))
const finish = fc.constantFrom(
  ...['null', '"length"', '"stop"', '"abort"', '"error"', '""', '3', '{"type":"abort"}', '{}'],
)
const word = fc.constantFrom('a', '', ' é', '😀', '"', '\n', '\u0000')

/** Events as engines write them, and as they do not. */
const data = fc.oneof(
  fc
    .tuple(word, finish)
    .map(([t, f]) => `{"choices":[{"index":0,"text":${JSON.stringify(t)},"finish_reason":${f}}]}`),
  fc
    .tuple(fc.constantFrom('content', 'reasoning', 'reasoning_content', 'role'), word, finish)
    .map(
      ([k, t, f]) =>
        `{"choices":[{"index":0,"delta":{"${k}":${JSON.stringify(t)}},"finish_reason":${f}}]}`,
    ),
  fc
    .tuple(count, count, count, count)
    .map(
      ([a, b, c, d]) =>
        `{"choices":[],"usage":{"prompt_tokens":${a},"completion_tokens":${b},"prompt_tokens_details":{"cached_tokens":${c}},"completion_tokens_details":{"reasoning_tokens":${d}}},"timings":{"draft_n":${a},"draft_n_accepted":${d}}}`,
    ),
  fc
    .tuple(word, count)
    .map(
      ([t, n]) =>
        `{"choices":[{"index":0,"text":${JSON.stringify(t)}}],"usage":{"completion_tokens":${n}}}`,
    ),
  fc.tuple(json, finish).map(([v, f]) => `{"choices":[{"text":${v},"finish_reason":${f}}]}`),
  json.map((v) => `{"choices":${v}}`),
  json.map((v) => `{"error":${v}}`),
  fc.tuple(json, json).map(([a, b]) => `{"object":"error","message":${a},"code":${b}}`),
  json,
  fc.constantFrom('[DONE]', ' [DONE]', '[DONE', '', '{', '{"choices":[{"text":"a"', '\u0000'),
)
const field = fc.constantFrom(
  'data: ',
  'data:',
  'event: error\ndata: ',
  'error: ',
  ': ',
  'id: ',
  '',
)
const stream = fc
  .array(fc.tuple(field, data, fc.constantFrom('\n\n', '\r\n\r\n', '\r\r', '\n', '')), {
    maxLength: 8,
  })
  .map((events) => Buffer.from(events.map((parts) => parts.join('')).join('')))
const known = fc
  .constantFrom(...ENDED_CASES, ...ERROR_CASES, ...OTHER_CASES)
  .map((c) => Buffer.from(c.body))
/** A response that was well, with some of its bytes replaced. */
const damaged = fc
  .tuple(known, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }))
  .map(([bytes, changes]) => {
    const out = Buffer.from(bytes)
    for (const [at, byte] of changes) if (out.length > 0) out[at % out.length] = byte
    return out
  })
const body = fc.oneof(stream, damaged, known, fc.uint8Array({ maxLength: 80 }).map(Buffer.from))
const type = fc.constantFrom('text/event-stream', 'application/json', 'text/html', '')
const status = fc.oneof({ weight: 8, arbitrary: fc.constant(200) }, fc.constantFrom(201, 204, 500))

const requested = 2

/** What holds of every row, whatever came. */
function expectSound(row: Omit<RequestRow, 'request_id'>): void {
  expect(OUTCOMES).toContain(row.outcome)
  const chunks = row.chunk_t_ns?.length
  expect([row.chunk_kind?.length, row.chunk_tokens?.length]).toEqual([chunks, chunks])
  for (const name of TOKEN_COUNTS) {
    const value = row[name] ?? null
    if (value !== null) expect(Number.isInteger(value) && value >= 0 && value <= 1e8).toBe(true)
  }
  for (const n of row.chunk_tokens ?? []) expect(n >= -1 && n <= 1e6).toBe(true)
  if (row.outcome === 'ok') {
    expect(row.output_tokens).toBeGreaterThan(0)
    expect([row.error_layer, row.error_message]).toEqual([null, null])
  } else if (row.outcome === 'error') expect(row.error_code).toBeTruthy()
  if (row.outcome === 'length_mismatch' && row.output_tokens === 0)
    expect(row.error_code).toBe('no_tokens')
  // What is recorded is what is read again: nothing wraps and nothing is lost.
  const bytes = encodeChunk('request', [{ request_id: 'r', ...row }])
  const stored = readChunk('request', bytes)
  for (const name of TOKEN_COUNTS) {
    const value = row[name] ?? null
    // A reported -0 is zero.
    expect(stored.getChild(name).at(0) ?? null).toBe(value === null ? null : value + 0)
  }
  const read = readAnswer({ request_id: 'r', ...row }, true)
  expect(Number.isFinite(read.output_tokens) && read.output_tokens >= 0).toBe(true)
  if (read.succeeded) expect(read.output_tokens).toBeGreaterThan(0)
}

describe('a response of any bytes', () => {
  it(
    'gives a sound row, the same one however it is cut into reads',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          ...([
            body,
            type,
            status,
            fc.boolean(),
            fc.array(fc.nat(2000), { maxLength: 6 }),
          ] as const),
          async (bytes, content_type, code, broken, at) => {
            const headers = { 'content-type': content_type }
            const options = { headers, status: code, requested, broken }
            const row = await readBody([bytes], options)
            const { text, ...cells } = row
            expectSound(cells)
            const ends = [...new Set(at.map((a) => a % (bytes.length + 1)))].sort((a, b) => a - b)
            const pieces = [...ends, bytes.length].map((end, i) =>
              bytes.subarray(i === 0 ? 0 : ends[i - 1], end),
            )
            const { chunk_t_ns, done_t_ns, ...cut } = await readBody(pieces, options)
            const { chunk_t_ns: times, done_t_ns: done, ...whole } = row
            expect(cut).toEqual(whole)
            expect([chunk_t_ns?.length, done_t_ns === null]).toEqual([times?.length, done === null])
          },
        ),
        { numRuns: fuzzRuns(1000) },
      )
    },
    fuzzRuns(60_000),
  )

  describe('over a connection', () => {
    let server: RawServer
    let sender: Sender
    beforeAll(async () => {
      server = await rawServer((_, bytes) => ({ steps: [[0, Buffer.from(bytes, 'base64')]] }))
      sender = await createSender({
        ...{ clock: createClock(), base_url: server.base_url, headers: {} },
        ...{ timeout_s: 30, worker: 0 },
      })
    })
    afterAll(async () => {
      await sender.close()
      await server.close()
    })

    it(
      'gives a sound row',
      async () => {
        const head = fc.oneof(
          fc
            .tuple(status, type)
            .map(([s, t]) => `HTTP/1.1 ${s} X\r\ncontent-type: ${t}\r\nconnection: close\r\n\r\n`),
          fc.constantFrom('', 'HTTP/1.1 200', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n'),
        )
        await fc.assert(
          fc.asyncProperty(head, body, async (start, bytes) => {
            const response = Buffer.concat([Buffer.from(start), bytes])
            const row = await sender.send({
              planned: {
                request_id: 'r',
                prompt: 'hello',
                requested_input_tokens: 1,
                requested_output_tokens: requested,
                prompt_sha256: 'x',
              },
              payload: { path: '/v1/completions', body: Buffer.from(response.toString('base64')) },
              phase: 'measure',
              scheduled_t_ns: null,
              signal: new AbortController().signal,
            })
            expectSound(row)
          }),
          { numRuns: fuzzRuns(200) },
        )
      },
      fuzzRuns(60_000),
    )
  })
})
