import { createGunzip } from 'node:zlib'
import type { Clock } from '../clock.ts'
import { readError, short } from './answer-event.ts'
import type { AnswerRecord, Failure } from './answer-record.ts'
import { createEventReader } from './event-reader.ts'

/** Kept of an answer that is no stream: errors and whole answers. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024

/** Takes the bytes of an answer's body as they come, and fills its record. */
export interface BodyReader {
  push(chunk: Buffer, t_ns: number): void
  end(t_ns: number): Promise<void>
}

/** Reads an answer by what its header says it is: a stream of events, one JSON document, or an error. */
export function createBodyReader(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  record: AnswerRecord,
  clock: Clock,
): BodyReader {
  const type = String(headers['content-type'] ?? '')
  const encoding = String(headers['content-encoding'] ?? 'identity')
  const inner =
    status < 200 || status > 299
      ? wholeReader((body) => record.fail(httpFailure(status, body)))
      : type.includes('application/json')
        ? wholeReader((body, t_ns) => body !== '' && record.whole(t_ns, body))
        : streamReader(record)
  if (encoding === 'identity' || encoding === '') return inner
  if (!/^(x-)?gzip$/.test(encoding)) {
    record.fail({
      layer: 'http',
      code: 'content_encoding',
      message: `the answer is encoded as ${short(encoding)}, though identity was asked for`,
    })
    return { push: () => {}, end: async () => {} }
  }
  record.note('gzip')
  return gunzipped(inner, record, clock)
}

function streamReader(record: AnswerRecord): BodyReader {
  let t_ns = 0
  let reading = false
  const events = createEventReader({
    onEvent: (data, name) => record.event(t_ns, data, name),
    onComment: () => record.comment(t_ns),
    onTooLong: () =>
      record.fail({
        layer: 'parse',
        code: 'event_too_long',
        message: 'one event of the stream is longer than 16 M characters',
      }),
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
      events.push(chunk)
    },
    async end(now) {
      t_ns = t_ns === 0 ? now : t_ns
      if (events.end()) record.note('unterminated_event')
    },
  }
}

function wholeReader(onBody: (body: string, t_ns: number) => void): BodyReader {
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
    async end(t_ns) {
      onBody(Buffer.concat(parts).toString(), last_t_ns ?? t_ns)
    },
  }
}

/** Its times are those of the compressor's flushes, decoded: told by the note `gzip`. */
function gunzipped(inner: BodyReader, record: AnswerRecord, clock: Clock): BodyReader {
  const gunzip = createGunzip()
  const over = new Promise<void>((resolve) => {
    gunzip.on('data', (chunk: Buffer) => inner.push(chunk, clock.now()))
    gunzip.on('end', resolve)
    gunzip.on('error', (error) => {
      record.fail({ layer: 'http', code: 'bad_gzip', message: short(error.message) })
      resolve()
    })
  })
  return {
    push: (chunk) => void gunzip.write(Buffer.from(chunk)),
    async end(t_ns) {
      gunzip.end()
      await over
      await inner.end(t_ns)
    },
  }
}

function httpFailure(status: number, body: string): Failure {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    value = null
  }
  const object = value as { error?: unknown; detail?: unknown } | null
  const said = object?.error ?? object?.detail ?? (value === null ? body : value)
  const { message } = readError(said ?? '')
  return { layer: 'http', code: `http_${status}`, message: message || `HTTP ${status}` }
}
