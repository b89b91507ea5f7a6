import { createGunzip } from 'node:zlib'
import type { Clock } from '../clock.ts'
import type { AnswerRecord } from './answer-record.ts'
import { createEventReader } from './event-reader.ts'
import { httpFailure, isNoResponse } from './http-failure.ts'
import { short } from './response-error.ts'
import { sortWholeBody } from './whole-body.ts'

/** Kept of a response that is no stream: errors and whole documents. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024

/** Takes the bytes of a response's body as they come, and fills its record. */
export interface BodyReader {
  push(chunk: Buffer, t_ns: number): void
  /** @param complete false: the connection ended before the body did */
  end(t_ns: number, complete: boolean): Promise<void>
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Reads a response by its status and by what its bytes are: a stream of events, one JSON document, or neither. */
export function createBodyReader(
  status: number,
  headers: Headers,
  record: AnswerRecord,
  clock: Pick<Clock, 'now'>,
): BodyReader {
  const encoding = String(headers['content-encoding'] ?? 'identity')
  const inner = isNoResponse(status)
    ? wholeReader((body) => record.fail(httpFailure(status, body)))
    : sniffingReader(status, headers, record)
  if (encoding === 'identity' || encoding === '') return inner
  if (!/^(x-)?gzip$/.test(encoding)) {
    record.fail({
      layer: 'http',
      code: 'content_encoding',
      message: `the response is encoded as ${short(encoding)}, though identity was requested`,
    })
    return { push: () => {}, end: async () => {} }
  }
  record.note('gzip')
  return gunzipped(inner, record, clock)
}

const BOM = [0xef, 0xbb, 0xbf]
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d])
/** `{`, `[` and `<`: a document, and no line of a stream of events. */
const OPENS_DOCUMENT = new Set([0x7b, 0x5b, 0x3c])

/** Whether the bytes begin a document; null: only blanks and a byte-order mark, or a part of one, so far. */
function opensDocument(bytes: Uint8Array): boolean | null {
  const marked = BOM.every((b, i) => i >= bytes.length || bytes[i] === b)
  const from = marked ? BOM.length : 0
  for (let i = from; i < bytes.length; i++)
    if (!BLANK.has(bytes[i] as number)) return OPENS_DOCUMENT.has(bytes[i] as number)
  return null
}

/** Decides by the first byte that is no blank; a header may name another type than the bytes are. */
function sniffingReader(status: number, headers: Headers, record: AnswerRecord): BodyReader {
  let chosen: BodyReader | null = null
  let held: Buffer | null = null
  return {
    push(chunk, t_ns) {
      if (chosen !== null) {
        chosen.push(chunk, t_ns)
        return
      }
      const start: Buffer = held === null ? chunk : Buffer.concat([held, chunk])
      const document = opensDocument(start)
      if (document === null) {
        held = Buffer.from(start)
        return
      }
      chosen = document ? documentReader(status, headers, record) : streamReader(status, record)
      chosen.push(start, t_ns)
    },
    async end(t_ns, complete) {
      await chosen?.end(t_ns, complete)
    },
  }
}

/** A body that is one document: a completion in one piece, or what it is in the place of one. */
function documentReader(status: number, headers: Headers, record: AnswerRecord): BodyReader {
  return wholeReader((body, t_ns, complete) => {
    const kind = sortWholeBody(body)
    if (kind === 'json') return record.whole(t_ns, body)
    if (kind === 'cut' || (!complete && kind === 'other')) return record.cut()
    const type = String(headers['content-type'] ?? '') || 'no content-type'
    const [code, what] = NO_COMPLETION[kind]
    record.fail({
      layer: 'http',
      code,
      message: short(`HTTP ${status} with ${what} (${short(type)}): ${body}`),
    })
  })
}

const NO_COMPLETION = {
  ndjson: [
    'ndjson',
    'JSON lines in the place of server-sent events; engine.base_url must lead to an OpenAI route, it usually ends in /v1',
  ],
  html: ['html', 'a page in the place of a completion; check engine.base_url'],
  other: ['bad_json', 'a document that is no JSON'],
} as const

function streamReader(status: number, record: AnswerRecord): BodyReader {
  let t_ns = 0
  let reading = false
  let first: Buffer | null = null
  let read_any = false
  const events = createEventReader({
    onEvent: (data, name) => {
      read_any = true
      record.event(t_ns, data, name)
    },
    onComment: () => {
      read_any = true
      record.comment(t_ns)
    },
    onTooLong: () => {
      read_any = true
      record.fail({
        layer: 'parse',
        code: 'event_too_long',
        message: 'one event of the stream is longer than 16 M characters',
      })
    },
    onCut: () => record.cut(),
  })
  return {
    push(chunk, now) {
      // undici hands over each HTTP chunk of one read of the socket by itself. They arrived together: one time.
      if (!reading) {
        reading = true
        t_ns = now
        queueMicrotask(() => {
          reading = false
        })
      }
      if (!read_any && (first?.length ?? 0) < MAX_SHOWN_BYTES)
        first = Buffer.concat(first === null ? [chunk] : [first, chunk]).subarray(
          0,
          MAX_SHOWN_BYTES,
        )
      events.push(chunk)
    },
    async end(now) {
      t_ns = t_ns === 0 ? now : t_ns
      if (events.end()) record.note('unterminated_event')
      const text = first?.toString() ?? ''
      if (!read_any && !beginsStream(text))
        record.fail({
          layer: 'http',
          code: 'no_events',
          message: short(`HTTP ${status} with a body that is no stream of events: ${text}`),
        })
    },
  }
}

const MAX_SHOWN_BYTES = 1024
const FIELDS = ['data:', 'event:', 'id:', 'retry:', 'error:']

/** Whether a text without a whole event may be the beginning of a stream of them. */
function beginsStream(text: string): boolean {
  const line = text.replace(/^\uFEFF/, '').trimStart()
  return line.startsWith(':') || FIELDS.some((f) => line.startsWith(f) || f.startsWith(line))
}

function wholeReader(onBody: (body: string, t_ns: number, complete: boolean) => void): BodyReader {
  const parts: Buffer[] = []
  let bytes = 0
  let last_t_ns: number | null = null
  return {
    push(chunk, t_ns) {
      last_t_ns = t_ns
      bytes += chunk.length
      // Copied: a slice would keep the whole read alive.
      if (bytes <= MAX_WHOLE_BYTES) parts.push(Buffer.from(chunk))
    },
    async end(t_ns, complete) {
      const text = new TextDecoder().decode(Buffer.concat(parts))
      onBody(text, last_t_ns ?? t_ns, complete)
    },
  }
}

/** Its times are those of the compressor's flushes, decoded: the note `gzip` says so. */
function gunzipped(inner: BodyReader, record: AnswerRecord, clock: Pick<Clock, 'now'>): BodyReader {
  const gunzip = createGunzip()
  let whole = true
  const over = new Promise<void>((resolve) => {
    gunzip.on('data', (chunk: Buffer) => inner.push(chunk, clock.now()))
    gunzip.on('end', resolve)
    gunzip.on('error', (error: NodeJS.ErrnoException) => {
      // The compressed bytes ended before their end: cut, not damaged.
      if (error.code === 'Z_BUF_ERROR') whole = false
      else record.fail({ layer: 'http', code: 'bad_gzip', message: short(error.message) })
      resolve()
    })
  })
  return {
    push: (chunk) => void gunzip.write(Buffer.from(chunk)),
    async end(t_ns, complete) {
      gunzip.end()
      await over
      await inner.end(t_ns, complete && whole)
      if (!whole) record.cut()
    },
  }
}
