import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { createSender, type Sender } from '../../../agent/load/send.ts'
import type { Outcome } from '../../../analysis/schema/stream.ts'
import { type RawServer, rawServer } from './raw-server.ts'
import { readBody, SSE } from './read-body.ts'
import { ENDED_CASES, ERROR_CASES, OTHER_CASES } from './response-cases.ts'

const CASES = [...ENDED_CASES, ...ERROR_CASES, ...OTHER_CASES]

/** Whether the part holds what ends a response, a finish reason or `[DONE]`, in an event that is whole. */
function hasEnd(part: string): boolean {
  return part
    .replaceAll('\r\n', '\n')
    .split('\n\n')
    .some((event) => {
      const data = /^data: (.*)$/m.exec(event)?.[1] ?? event
      if (data === '[DONE]') return true
      try {
        return (JSON.parse(data)?.choices?.[0]?.finish_reason ?? null) !== null
      } catch {
        return false
      }
    })
}
const hasDone = (part: string) => /data: \[DONE\](\r?\n){2}/.test(part)
/** Parts of a document are documents of their own, parts of a stream are streams with fewer events. */
const isStream = (body: string) => !/^[{<]/.test(body)

interface Cut {
  readonly outcome?: string | null | undefined
  readonly chunk_kind?: readonly string[] | null | undefined
  readonly output_tokens?: number | null | undefined
}

/** What holds of a part of a body, read as if the connection had ended there. */
function expectConsistent(part: string, cut: Cut, whole: Cut): void {
  const allowed: (Outcome | string | null | undefined)[] = ['truncated', whole.outcome]
  // An end that came before what failed afterwards is an end.
  if (hasEnd(part)) allowed.push('ok', 'length_mismatch')
  expect(allowed, part).toContain(cut.outcome)
  if (cut.outcome === 'ok' || cut.outcome === 'length_mismatch')
    expect(hasEnd(part), part).toBe(true)
  if (hasDone(part) && whole.outcome !== 'error') expect(cut.outcome, part).toBe(whole.outcome)
  if (!isStream(part)) return
  const kinds = cut.chunk_kind ?? []
  expect(kinds, part).toEqual((whole.chunk_kind ?? []).slice(0, kinds.length))
}

describe('a body cut at every byte', () => {
  it.each(CASES)('$name', async ({ body, type, status = 200 }) => {
    const headers = type === undefined ? SSE : { 'content-type': type }
    const bytes = Buffer.from(body)
    const whole = await readBody([bytes], { status, headers })
    let failed = false
    for (let at = 0; at <= bytes.length; at++) {
      const part = bytes.subarray(0, at)
      const cut = await readBody([part], { status, headers })
      expectConsistent(part.toString(), cut, whole)
      // Once it is an error, it stays one.
      if (failed) expect(cut.outcome, part.toString()).toBe('error')
      failed = cut.outcome === 'error'
      // A closed connection and a broken one end the same body in the same way.
      const broken = await readBody([part], { status, headers, broken: true })
      if (at < bytes.length && at > 0) expect(broken.outcome, part.toString()).toBe(cut.outcome)
      // However it is cut into reads.
      const { chunk_t_ns, done_t_ns, ...byBytes } = await readBody(
        [...part].map((b) => Uint8Array.of(b)),
        { status, headers },
      )
      const { chunk_t_ns: _, done_t_ns: __, ...byOne } = cut
      expect(byBytes).toEqual(byOne)
    }
  })

  it('is truncated within an event, also after the finish reason', async () => {
    const body = ENDED_CASES[0]?.body ?? ''
    const within = body.indexOf('"usage"') + 3
    expect(await readBody([Buffer.from(body.slice(0, within))])).toMatchObject({
      outcome: 'truncated',
      error_layer: 'stream',
      error_code: 'cut_event',
      finish_reason: 'length',
      chunk_kind: ['content', 'content'],
    })
    const first = body.indexOf('"text"')
    expect(await readBody([Buffer.from(body.slice(0, first))])).toMatchObject({
      outcome: 'truncated',
      error_code: 'cut_event',
      output_tokens: 0,
    })
  })

  it('is truncated, not damaged, where a compressed one is cut before its end', async () => {
    const bytes = gzipSync(ENDED_CASES[0]?.body ?? '')
    const headers = { ...SSE, 'content-encoding': 'gzip' }
    expect(await readBody([bytes], { headers })).toMatchObject({ outcome: 'ok' })
    for (const at of [1, 10, 20, 40])
      expect((await readBody([bytes.subarray(0, at)], { headers })).outcome).toBe('truncated')
  })
})

describe('a connection cut at every byte of the response', () => {
  let server: RawServer
  let sender: Sender
  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n'
  const chunked = (body: string) =>
    `${HEAD}transfer-encoding: chunked\r\n\r\n${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const closing = (body: string) => `${HEAD}connection: close\r\n\r\n${body}`

  beforeAll(async () => {
    // Each request carries the bytes that it is to be given.
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
  const send = (bytes: Uint8Array) =>
    sender.send({
      planned: {
        request_id: 'r1',
        prompt: 'hello',
        requested_input_tokens: 1,
        requested_output_tokens: 2,
        prompt_sha256: 'x',
      },
      payload: {
        path: '/v1/completions',
        body: Buffer.from(Buffer.from(bytes).toString('base64')),
      },
      phase: 'measure',
      scheduled_t_ns: null,
      signal: new AbortController().signal,
    })

  const WIRED = [
    ...[ENDED_CASES[0], ERROR_CASES[1], ERROR_CASES[3]].flatMap((c) => [
      { name: `${c?.name}, closed`, body: c?.body ?? '', response: closing(c?.body ?? '') },
      { name: `${c?.name}, chunked`, body: c?.body ?? '', response: chunked(c?.body ?? '') },
    ]),
  ]
  it.each(WIRED)('$name', async ({ body, response }) => {
    const bytes = Buffer.from(response)
    const from = bytes.indexOf('\r\n\r\n') + 4
    const whole = await send(bytes)
    const cuts = Array.from({ length: bytes.length }, (_, at) => at)
    for (let i = 0; i < cuts.length; i += 16)
      await Promise.all(
        cuts.slice(i, i + 16).map(async (at) => {
          const row = await send(bytes.subarray(0, at))
          if (at < from) {
            expect(row).toMatchObject({ outcome: 'truncated', http_status: null })
            return
          }
          const start = bytes.indexOf(body)
          expectConsistent(at <= start ? '' : bytes.subarray(start, at).toString(), row, whole)
        }),
      )
  })
})
