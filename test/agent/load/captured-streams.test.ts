import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAnswerEvent } from '../../../agent/load/answer-event.ts'
import { createAnswerRecord } from '../../../agent/load/answer-record.ts'
import { createEventReader } from '../../../agent/load/event-reader.ts'

const ROOT = fileURLToPath(new URL('../../fixtures/streams/', import.meta.url))

/** Reads a body that comes in the given pieces, the i-th at time i. */
function read(pieces: readonly Uint8Array[], requested: number) {
  const record = createAnswerRecord()
  let t_ns = 0
  const reader = createEventReader({
    onEvent: (data, name) => record.event(t_ns, data, name),
    onComment: () => record.comment(t_ns),
    onTooLong: () => record.fail({ layer: 'parse', code: 'event_too_long', message: 'too long' }),
    onCut: () => record.cut(),
  })
  for (const piece of pieces) {
    t_ns++
    reader.push(piece)
  }
  if (reader.end()) record.note('unterminated_event')
  return { ...record.cells('complete', requested), text: record.text() }
}

/** A body cut at the given places. */
function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map((a) => a % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...places, bytes.length].map((end, i) => bytes.subarray(i === 0 ? 0 : places[i - 1], end))
}

// Token chunks and usage counted in the files by grep: `"completion_tokens"` of the last usage, chunks with text.
const CASES = [
  [
    'vllm-cpu/completions.sse',
    24,
    { output_tokens: 24, token_source: 'usage', finish_reason: 'length', outcome: 'ok' },
  ],
  [
    'vllm-cpu/completions-continuous-usage.sse',
    24,
    { output_tokens: 24, token_source: 'usage', outcome: 'ok' },
  ],
  [
    'vllm-cpu/completions-no-usage.sse',
    8,
    { output_tokens: 8, token_source: 'chunks', outcome: 'ok' },
  ],
  // The stop token is counted and has no text: 25 for 24 chunks.
  ['vllm-cpu/chat-stop.sse', 25, { output_tokens: 25, finish_reason: 'stop', outcome: 'ok' }],
  [
    'vllm-cpu/chat-stop.sse',
    64,
    { output_tokens: 25, finish_reason: 'stop', outcome: 'length_mismatch' },
  ],
  ['vllm-cpu-dummy/chat.sse', 24, { output_tokens: 24, token_source: 'usage', outcome: 'ok' }],
  [
    'vllm-cpu-dummy/completions.sse',
    24,
    { output_tokens: 24, token_source: 'usage', outcome: 'ok' },
  ],
  ['llama-server/completions.sse', 24, { output_tokens: 24, token_source: 'usage', outcome: 'ok' }],
  ['llama-server/completions-no-usage.sse', 8, { output_tokens: 8, outcome: 'ok' }],
  ['llama-server/chat-stop.sse', 25, { output_tokens: 25, finish_reason: 'stop', outcome: 'ok' }],
  [
    'llama-cpp-python/completions.sse',
    24,
    { token_source: 'chunks', input_tokens: null, outcome: 'ok' },
  ],
  [
    'llama-cpp-python/chat-stop.sse',
    64,
    { token_source: 'chunks', finish_reason: 'stop', outcome: 'length_mismatch' },
  ],
  ['transformers-serve/completions.sse', 24, { output_tokens: 24, done_t_ns: null, outcome: 'ok' }],
  [
    'transformers-serve/chat-stop.sse',
    24,
    { output_tokens: 24, done_t_ns: null, finish_reason: 'stop', outcome: 'ok' },
  ],
] as const

describe('captured streams', () => {
  it.each(CASES)('%s, %i tokens asked', (file, requested, expected) => {
    const row = read([readFileSync(ROOT + file)], requested)
    expect(row).toMatchObject(expected)
    expect(row.text.length).toBeGreaterThan(0)
  })

  it('tells role, content, finish and usage of a chat stream apart', () => {
    const kinds = read([readFileSync(`${ROOT}vllm-cpu/chat-stop.sse`)], 25).chunk_kind ?? []
    expect(kinds[0]).toBe('role')
    expect(kinds.slice(1, -2).every((k) => k === 'content')).toBe(true)
    expect(kinds.slice(-2)).toEqual(['finish', 'usage'])
  })

  it('counts one token a chunk where usage runs along', () => {
    const row = read([readFileSync(`${ROOT}vllm-cpu/completions-continuous-usage.sse`)], 24)
    expect((row.chunk_tokens ?? []).filter((n) => n > 0)).toEqual(Array(24).fill(1))
  })

  it('reads prefix cache hits from usage', () => {
    expect(
      read([readFileSync(`${ROOT}llama-server/chat-stop.sse`)], 25).cached_input_tokens,
    ).toBeGreaterThanOrEqual(0)
  })

  it('gives the same text, tokens, status and usage however the bytes are cut', () => {
    const bodies = [...new Set(CASES.map(([file]) => file))].map((file) =>
      readFileSync(ROOT + file),
    )
    // One more with everything that is hard: CRLF, comments, several data lines, characters of many bytes.
    bodies.push(
      Buffer.from(
        '\uFEFF: ping\r\n\r\ndata: {"choices":[{"index":0,\r\ndata:"text":"é€😀"}]}\r\n\r\ndata:{"choices":[{"index":0,"text":" x","finish_reason":"length"}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\r\rdata:[DONE]\n\n',
      ),
    )
    const still = (pieces: readonly Uint8Array[]) => {
      const { chunk_t_ns, done_t_ns, ...rest } = read(pieces, 24)
      return { ...rest, chunks: chunk_t_ns?.length, done: done_t_ns !== null }
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...bodies),
        fc.array(fc.nat(20_000), { maxLength: 40 }),
        (body, at) => {
          expect(still(cut(body, at))).toEqual(still([body]))
        },
      ),
      { numRuns: 300 },
    )
    for (const body of bodies)
      expect(still([...body].map((byte) => Uint8Array.of(byte)))).toEqual(still([body]))
  })

  it('reads error answers of each engine into a code and one line', () => {
    const body = readFileSync(`${ROOT}llama-server/error-too-long.txt`, 'utf8')
      .split('\n')
      .slice(1)
      .join('\n')
    expect(readAnswerEvent(JSON.parse(body)).error).toEqual({
      code: 'exceed_context_size_error',
      message:
        'request (4301 tokens) exceeds the available context size (1024 tokens), try increasing it',
    })
  })

  it('stops at an event of more than 16 M characters', () => {
    const piece = Buffer.alloc(4 * 1024 * 1024, 'x')
    const row = read([Buffer.from('data: '), ...Array(5).fill(piece)], 1)
    expect(row).toMatchObject({ outcome: 'error', error_code: 'event_too_long' })
  })
})
