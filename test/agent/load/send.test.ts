import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import type { PlannedRequest } from '../../../agent/load/load.ts'
import { createSender, type Sender } from '../../../agent/load/send.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import {
  DONE,
  httpChunk,
  type RawServer,
  rawServer,
  type Script,
  SSE_HEAD,
  sse,
  text,
  usage,
} from './raw-server.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close()
})

const clock = createClock()
async function connect(base_url: string, timeout_s = 20): Promise<Sender> {
  const sender = await createSender({ clock, base_url, headers: {}, timeout_s, worker: 0 })
  open.push(sender)
  return sender
}
function planned(requested_output_tokens: number): PlannedRequest {
  return {
    request_id: 'r1',
    prompt: 'hello',
    requested_input_tokens: 1,
    requested_output_tokens,
    prompt_sha256: 'x',
  }
}
async function serve(script: Script | ((i: number) => Script)): Promise<RawServer> {
  const server = await rawServer((i) => (typeof script === 'function' ? script(i) : script))
  open.push(server)
  return server
}
function send(
  sender: Sender,
  tokens = 2,
  signal = new AbortController().signal,
): Promise<RequestRow> {
  return sender.send({
    planned: planned(tokens),
    payload: { path: '/v1/completions', body: Buffer.from('{"prompt":"hello"}') },
    phase: 'measure',
    scheduled_t_ns: null,
    signal,
  })
}
async function answer(script: Script, tokens = 2): Promise<RequestRow> {
  const server = await serve(script)
  return send(await connect(server.base_url), tokens)
}
const ok = [text('a'), text('b', 'length'), usage(5, 2), DONE]

describe('sender: what a stream may look like', () => {
  it('records kinds, tokens, usage, finish and times of an ordinary stream', async () => {
    const row = await answer(sse(...ok))
    expect(row).toMatchObject({
      outcome: 'ok',
      mode: 'streamed',
      chunk_kind: ['content', 'content', 'usage'],
      chunk_tokens: [-1, -1, 0],
      input_tokens: 5,
      output_tokens: 2,
      token_source: 'usage',
      finish_reason: 'length',
      http_status: 200,
      error_layer: null,
      error_code: null,
    })
    const times = [
      row.sent_t_ns,
      row.headers_t_ns,
      row.chunk_t_ns?.[0],
      row.done_t_ns,
      row.closed_t_ns,
    ]
    expect(times.map(Number)).toEqual([...times.map(Number)].sort((a, b) => a - b))
  })

  it('keeps the texts of prompt and answer only when asked', async () => {
    const server = await serve(sse(...ok))
    const without = await send(await connect(server.base_url))
    expect([without.prompt_text, without.output_text]).toEqual([undefined, undefined])
    const sender = await createSender({
      ...{ clock, base_url: server.base_url, headers: {}, timeout_s: 20, worker: 0 },
      keep_answers: true,
    })
    open.push(sender)
    expect(await send(sender)).toMatchObject({ prompt_text: 'hello', output_text: 'ab' })
  })

  it('takes CRLF as LF, also split between two reads', async () => {
    const crlf = ok.join('').replaceAll('\n', '\r\n')
    const cut = crlf.indexOf('\r\n') + 1
    expect(await answer(sse(crlf.slice(0, cut), [30, crlf.slice(cut)]))).toMatchObject({
      outcome: 'ok',
      output_tokens: 2,
    })
  })

  it('takes a lone CR as a line end', async () => {
    expect(await answer(sse(ok.join('').replaceAll('\n', '\r')))).toMatchObject({
      outcome: 'ok',
      error_code: null,
      output_tokens: 2,
    })
  })

  it('takes data without a space after the colon, also [DONE]', async () => {
    const row = await answer(sse(...ok.map((e) => e.replace('data: ', 'data:'))))
    expect(row).toMatchObject({ outcome: 'ok', output_tokens: 2 })
    expect(row.done_t_ns).not.toBeNull()
  })

  it('skips a comment alone in a read, and records that it came', async () => {
    const row = await answer(
      sse(text('a'), [20, ': ping\n\n'], [20, text('b', 'length')], usage(5, 2), DONE),
    )
    expect(row).toMatchObject({
      outcome: 'ok',
      chunk_kind: ['content', 'comment', 'content', 'usage'],
    })
  })

  it('joins an event over two data lines', async () => {
    const event = 'data: {"choices":[{"index":0,\ndata: "text":"a","finish_reason":"length"}]}\n\n'
    expect(await answer(sse(event, usage(5, 1), DONE), 1)).toMatchObject({
      outcome: 'ok',
      chunk_kind: ['content', 'usage'],
    })
  })

  it('keeps a space at which JSON is split over reads', async () => {
    const event = text(' two words')
    const at = event.indexOf('two') + 3
    expect(
      await answer(sse(event.slice(0, at), [30, event.slice(at)], text('', 'length'), usage(1, 2))),
    ).toMatchObject({
      outcome: 'ok',
      chunk_kind: ['content', 'finish', 'usage'],
    })
  })

  it('puts a character together that is split over reads', async () => {
    const bytes = Buffer.from(text('é€😀', 'length'))
    const at = bytes.indexOf(Buffer.from('😀')) + 2
    expect(
      await answer(sse(bytes.subarray(0, at), [30, bytes.subarray(at)], usage(1, 1)), 1),
    ).toMatchObject({ outcome: 'ok' })
  })

  it('gives events of one read one time', async () => {
    const row = await answer(sse(ok.join('')))
    expect(new Set(row.chunk_t_ns).size).toBe(1)
  })

  it('gives events of one read one time when each is an HTTP chunk of its own', async () => {
    const head =
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
    const row = await answer({
      steps: [
        [0, head],
        [20, `${ok.map(httpChunk).join('')}0\r\n\r\n`],
      ],
    })
    expect(row.outcome).toBe('ok')
    expect(new Set(row.chunk_t_ns).size).toBe(1)
  })

  it('fails on an error event after a token, and keeps the token', async () => {
    const row = await answer(
      sse(
        text('a'),
        'data: {"error":{"message":"out of memory","type":"ServerError","code":500}}\n\n',
        DONE,
      ),
    )
    expect(row).toMatchObject({
      outcome: 'error',
      error_layer: 'app',
      error_code: 'ServerError',
      error_message: 'out of memory',
      chunk_kind: ['content', 'error'],
    })
  })

  it('fails on event: error, whatever its data', async () => {
    expect(await answer(sse(text('a'), 'event: error\ndata: gone\n\n'))).toMatchObject({
      outcome: 'error',
      error_layer: 'app',
      error_message: 'gone',
    })
  })

  it('fails when the error comes first with HTTP 200', async () => {
    expect(await answer(sse('data: {"error":"no such model"}\n\n'))).toMatchObject({
      outcome: 'error',
      error_layer: 'app',
      error_message: 'no such model',
      output_tokens: 0,
    })
  })

  it('takes a JSON answer in the place of a stream as whole, with no times between', async () => {
    const body = JSON.stringify({
      choices: [{ index: 0, text: 'ab', finish_reason: 'length' }],
      usage: { prompt_tokens: 5, completion_tokens: 2 },
    })
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    expect(await answer({ steps: [[0, head + body]] })).toMatchObject({
      outcome: 'ok',
      mode: 'per_request_batch',
      chunk_kind: ['content'],
      chunk_tokens: [2],
      output_tokens: 2,
    })
  })

  it('fails on a JSON answer with HTTP 200 that holds an error', async () => {
    const body = '{"error":{"message":"busy"}}'
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    expect(await answer({ steps: [[0, head + body]] })).toMatchObject({
      outcome: 'error',
      error_layer: 'app',
      error_message: 'busy',
    })
  })

  it('fails on text that is no JSON, and keeps it', async () => {
    expect(await answer(sse(text('a'), 'data: "CUDA error: unescaped "quote"\n\n'))).toMatchObject({
      outcome: 'error',
      error_layer: 'parse',
      error_code: 'bad_json',
      error_message: '"CUDA error: unescaped "quote"',
    })
  })

  it('is content with a finish reason and no [DONE]', async () => {
    expect(await answer(sse(text('a'), text('b', 'length'), usage(5, 2)))).toMatchObject({
      outcome: 'ok',
      done_t_ns: null,
    })
  })

  it('calls a stream with neither truncated, and keeps the part', async () => {
    expect(await answer(sse(text('a')))).toMatchObject({
      outcome: 'truncated',
      error_layer: 'stream',
      error_code: 'no_end',
      chunk_kind: ['content'],
    })
  })

  it('calls a cut connection truncated, with the layer stream', async () => {
    const head =
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
    const row = await answer({
      steps: [
        [0, head],
        [0, httpChunk(text('a'))],
      ],
      after: 'reset',
    })
    expect(row).toMatchObject({
      outcome: 'truncated',
      error_layer: 'stream',
      chunk_kind: ['content'],
    })
  })

  it('reads an event without a blank line at the end, and notes it', async () => {
    const row = await answer(sse(text('a'), text('b', 'length').trimEnd()))
    expect(row).toMatchObject({
      outcome: 'ok',
      error_code: 'unterminated_event',
      chunk_kind: ['content', 'content'],
    })
  })

  it('drops one byte-order mark', async () => {
    expect(await answer(sse(`\uFEFF${ok.join('')}`))).toMatchObject({
      outcome: 'ok',
      output_tokens: 2,
    })
  })

  it('takes an event of 200 kB', async () => {
    expect(
      await answer(sse(text('x'.repeat(200_000)), text('', 'length'), usage(1, 2))),
    ).toMatchObject({ outcome: 'ok' })
  })

  it('decodes gzip that it did not ask for, and notes it', async () => {
    const head =
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n'
    expect(
      await answer({
        steps: [
          [0, head],
          [0, gzipSync(ok.join(''))],
        ],
      }),
    ).toMatchObject({
      outcome: 'ok',
      error_code: 'gzip',
      output_tokens: 2,
    })
  })

  it('does not take the role chunk for a token', async () => {
    const role = 'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
    const content =
      'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"length"}]}\n\n'
    const row = await answer(sse(role, [60, content], DONE), 1)
    expect(row).toMatchObject({
      outcome: 'ok',
      chunk_kind: ['role', 'content'],
      output_tokens: 1,
      token_source: 'chunks',
    })
    expect(Number(row.chunk_t_ns?.[1]) - Number(row.chunk_t_ns?.[0])).toBeGreaterThan(40e6)
  })

  it('does not take a late empty finish chunk for a token', async () => {
    const row = await answer(sse(text('a'), text('b'), [60, text('', 'length')], usage(5, 2), DONE))
    expect(row).toMatchObject({
      outcome: 'ok',
      chunk_kind: ['content', 'content', 'finish', 'usage'],
    })
  })

  it('refuses several choices, whose times can not be told apart', async () => {
    const event = 'data: {"choices":[{"index":1,"text":"a"}]}\n\n'
    expect(await answer(sse(event))).toMatchObject({
      outcome: 'error',
      error_code: 'several_choices',
    })
  })
})

describe('sender: counts', () => {
  const ids = (t: string, token_ids: number[], finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, text: t, token_ids, finish_reason: finish }] })}\n\n`

  it('counts by token ids where usage is missing, also of a chunk without text', async () => {
    expect(
      await answer(sse(ids('', [9]), ids('é', [10, 11]), ids('x', [12], 'length'), DONE), 4),
    ).toMatchObject({
      outcome: 'ok',
      token_source: 'token_ids',
      output_tokens: 4,
      chunk_tokens: [1, 2, 1],
    })
  })

  it('tells tokens of a chunk by the growth of a running usage', async () => {
    const running = (t: string, n: number, finish: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, text: t, finish_reason: finish }], usage: { prompt_tokens: 3, completion_tokens: n } })}\n\n`
    expect(
      await answer(sse(running('a', 1), running('bc', 4), running('d', 5, 'length'), DONE), 5),
    ).toMatchObject({
      outcome: 'ok',
      chunk_tokens: [1, 3, 1],
      output_tokens: 5,
    })
  })

  it('keeps the last usage, which must not fall', async () => {
    expect(await answer(sse(text('a', 'length'), usage(5, 7), usage(5, 3), DONE), 7)).toMatchObject(
      { output_tokens: 7, outcome: 'ok' },
    )
  })

  it('calls fewer tokens than asked a length mismatch', async () => {
    expect(await answer(sse(text('a', 'stop'), usage(5, 1), DONE), 2)).toMatchObject({
      outcome: 'length_mismatch',
    })
    expect(await answer(sse(text('a', 'length'), usage(5, 1), DONE), 2)).toMatchObject({
      outcome: 'length_mismatch',
    })
  })

  it('does not judge a length by chunks alone, unless the model stopped early', async () => {
    expect(await answer(sse(text('a b', 'length'), DONE), 2)).toMatchObject({
      outcome: 'ok',
      token_source: 'chunks',
      output_tokens: 1,
    })
    expect(await answer(sse(text('a', 'stop'), DONE), 2)).toMatchObject({
      outcome: 'length_mismatch',
    })
  })

  it('calls a proper end without a token a length mismatch of zero, with its cause', async () => {
    expect(await answer(sse(text('', 'length'), DONE))).toMatchObject({
      outcome: 'length_mismatch',
      output_tokens: 0,
      error_layer: 'app',
      error_code: 'no_tokens',
    })
  })

  it('calls an empty body with HTTP 200 truncated', async () => {
    expect(await answer(sse())).toMatchObject({ outcome: 'truncated', error_code: 'empty_body' })
  })
})

describe('sender: counts that no response can have', () => {
  const raw = (fields: string) => `data: {"choices":[],"usage":{${fields}}}\n\n`
  const ids = (t: string, token_ids: number[], finish: string | null = null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, text: t, token_ids, finish_reason: finish }] })}\n\n`

  it.each([
    ['2147483648', '2147483648'],
    ['3107511590', '3107511590'],
    ['4294967296', '4294967296'],
    ['100000001', '100000001'],
    ['1e300', '1e+300'],
    ['1e999', 'Infinity'],
    ['-5', '-5'],
    ['2.5', '2.5'],
    ['"2"', '2'],
    ['true', 'true'],
    ['[2]', 'a list'],
    ['0', '0'],
  ])('reads completion_tokens %s as absent, and takes the chunks', async (stated, reported) => {
    const row = await answer(
      sse(
        text('a'),
        text('b', 'length'),
        raw(`"prompt_tokens":5,"completion_tokens":${stated}`),
        DONE,
      ),
    )
    expect(row).toMatchObject({
      outcome: 'ok',
      output_tokens: 2,
      token_source: 'chunks',
      input_tokens: 5,
    })
    expect(JSON.parse(row.unbelievable_counts ?? '')).toEqual({ output_tokens: reported })
  })

  it('takes token ids before chunks', async () => {
    expect(
      await answer(
        sse(ids('ab', [7, 8]), ids('c', [9], 'length'), raw('"completion_tokens":1e300'), DONE),
        3,
      ),
    ).toMatchObject({ outcome: 'ok', output_tokens: 3, token_source: 'token_ids' })
  })

  it('does not take the growth of a running usage that ends in such a count', async () => {
    const running = (t: string, n: string, finish: string | null = null) =>
      `data: {"choices":[{"index":0,"text":"${t}","finish_reason":${finish}}],"usage":{"completion_tokens":${n}}}\n\n`
    expect(
      await answer(sse(running('a', '1'), running('b', '4294967298', '"length"'), DONE)),
    ).toMatchObject({ output_tokens: 2, token_source: 'chunks', chunk_tokens: [-1, -1] })
  })

  it('has none to report of an ordinary response, nor of a usage without counts', async () => {
    expect((await answer(sse(...ok))).unbelievable_counts).toBeNull()
    const row = await answer(sse(text('a'), text('b', 'length'), raw('"prompt_tokens":null'), DONE))
    expect(row).toMatchObject({ unbelievable_counts: null, input_tokens: null, output_tokens: 2 })
  })

  it('reads each other count as absent that can not be, and keeps those that can', async () => {
    const usage_of = (fields: string) =>
      sse(
        text('a'),
        text('b', 'length'),
        `data: {"choices":[],"usage":{"completion_tokens":2,${fields}}\n\n`,
        DONE,
      )
    expect(await answer(usage_of('"prompt_tokens":-1}'))).toMatchObject({
      input_tokens: null,
      output_tokens: 2,
      unbelievable_counts: '{"input_tokens":"-1"}',
    })
    // More from the cache than there was, more reasoning than output.
    expect(
      await answer(
        usage_of(
          '"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":3}}',
        ),
      ),
    ).toMatchObject({
      input_tokens: 5,
      cached_input_tokens: null,
      output_tokens: 2,
      reasoning_tokens: null,
      unbelievable_counts: '{"cached_input_tokens":"6","reasoning_tokens":"3"}',
    })
    // 3 - 5: more accepted than drafted.
    expect(
      await answer(usage_of('"prompt_tokens":5},"timings":{"draft_n":3,"draft_n_accepted":5}')),
    ).toMatchObject({
      draft_accepted_tokens: 5,
      draft_rejected_tokens: null,
      unbelievable_counts: '{"draft_rejected_tokens":"-2"}',
    })
  })
})

describe('sender: how a response ends', () => {
  it('is done with [DONE], though the connection is left open', async () => {
    const head =
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
    const server = await serve({
      steps: [
        [0, head],
        [0, httpChunk(ok.join(''))],
      ],
      after: 'hang',
    })
    // The limit of the request is far off: only [DONE] can end it.
    const sender = await connect(server.base_url, 600)
    expect(await send(sender)).toMatchObject({ outcome: 'ok', output_tokens: 2, error_code: null })
    // The next one gets a connection of its own.
    expect(await send(sender)).toMatchObject({ outcome: 'ok' })
    expect(server.bodies.length).toBe(2)
    expect(server.connections()).toBeGreaterThan(1)
  })

  it('keeps a connection on which the body ends shortly after [DONE]', async () => {
    const head =
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
    const server = await serve({
      steps: [
        [0, head],
        [0, httpChunk(ok.join(''))],
        [5, '0\r\n\r\n'],
      ],
      after: 'keep',
    })
    const sender = await connect(server.base_url)
    for (let i = 0; i < 3; i++) expect((await send(sender)).outcome).toBe('ok')
    expect(server.connections()).toBeLessThan(3)
  })

  it('is an error where an error event came and the connection was left open', async () => {
    const server = await serve({ ...sse('data: {"error":"gone"}\n\n'), after: 'hang' })
    expect(await send(await connect(server.base_url, 0.2))).toMatchObject({
      outcome: 'error',
      error_message: 'gone',
    })
  })

  it.each([
    ['the banner of another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['an alert of TLS', Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x16)],
    ['events without a head', ok.join('')],
  ])('is an error of HTTP where %s comes', async (_, bytes) => {
    expect(await answer({ steps: [[0, bytes]] })).toMatchObject({
      outcome: 'error',
      error_layer: 'http',
      http_status: null,
    })
  })

  it('is an error of HTTP with 204, which has no body', async () => {
    expect(await answer({ steps: [[0, 'HTTP/1.1 204 No Content\r\n\r\n']] })).toMatchObject({
      outcome: 'error',
      error_layer: 'http',
      error_code: 'http_204',
      http_status: 204,
    })
  })

  it('is an error of HTTP with 500 whose body is cut', async () => {
    const head = 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 500\r\n\r\n'
    expect(await answer({ steps: [[0, `${head}CUDA out of`]], after: 'reset' })).toMatchObject({
      outcome: 'error',
      error_code: 'http_500',
      error_message: 'CUDA out of',
    })
  })
})

describe('sender: failures of the way there', () => {
  it('records HTTP 500 with the words of the engine', async () => {
    const body = '{"error":{"message":"CUDA out of memory","type":"ServerError"}}'
    const head = `HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    expect(await answer({ steps: [[0, head + body]] })).toMatchObject({
      outcome: 'error',
      error_layer: 'http',
      error_code: 'http_500',
      error_message: 'CUDA out of memory',
      http_status: 500,
    })
  })

  it('records a refused connection, never sent', async () => {
    const server = await rawServer(() => sse())
    await server.close()
    expect(await send(await connect(server.base_url))).toMatchObject({
      outcome: 'refused',
      error_layer: 'connect',
      error_code: 'econnrefused',
      sent_t_ns: null,
    })
  })

  it('gives up at the time limit, and keeps the part', async () => {
    const server = await serve({ ...sse(text('a')), after: 'hang' })
    expect(await send(await connect(server.base_url, 0.2))).toMatchObject({
      outcome: 'timeout',
      chunk_kind: ['content'],
    })
  })

  it('cancels when told, and keeps the part', async () => {
    const server = await serve({ ...sse(text('a')), after: 'hang' })
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(), 150)
    expect(await send(await connect(server.base_url), 2, cancel.signal)).toMatchObject({
      outcome: 'cancelled',
      chunk_kind: ['content'],
    })
  })

  it('sends once more when a kept connection is closed before any byte of the answer', async () => {
    const kept = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${ok.map(httpChunk).join('')}0\r\n\r\n`
    const server = await serve((i) =>
      i === 1 ? { steps: [], after: 'reset' } : { steps: [[0, kept]], after: 'keep' },
    )
    const sender = await connect(server.base_url)
    expect(await send(sender)).toMatchObject({ outcome: 'ok', error_code: null })
    expect(await send(sender)).toMatchObject({ outcome: 'ok', error_code: 'sent_twice' })
    expect(server.bodies.length).toBe(3)
    expect(server.connections()).toBe(2)
  })

  it('does not send again on a fresh connection: the engine may have died of the request', async () => {
    const server = await serve({ steps: [], after: 'reset' })
    expect(await send(await connect(server.base_url))).toMatchObject({
      outcome: 'truncated',
      error_layer: 'stream',
      http_status: null,
    })
    expect(server.bodies.length).toBe(1)
  })

  it('stamps chunks within a few milliseconds of their writing', async () => {
    const server = await serve({
      steps: [
        [0, SSE_HEAD],
        [30, text('a')],
        [40, text('b')],
        [40, text('c', 'length')],
      ],
    })
    const row = await send(await connect(server.base_url), 3)
    const lags = (row.chunk_t_ns ?? []).map(
      (t, i) => (t - clock.fromHrtime(server.written[i + 1] as bigint)) / 1e6,
    )
    expect(lags).toHaveLength(3)
    expect(Math.min(...lags)).toBeGreaterThanOrEqual(0)
    // The best of three: a busy machine may delay any one of them.
    expect(Math.min(...lags)).toBeLessThan(5)
  })
})
