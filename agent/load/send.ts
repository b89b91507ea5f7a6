import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { createGunzip } from 'node:zlib'
import { type Dispatcher, Pool } from 'undici'
import type { RequestRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { readError, short } from './answer-event.ts'
import { createAnswerRecord, type Ending, type Failure } from './answer-record.ts'
import { createEventReader } from './event-reader.ts'
import type { PlannedRequest } from './load.ts'
import type { Payload } from './payload.ts'
import { createSentTimes } from './sent-times.ts'
import { transportFailure } from './transport-failure.ts'

export interface SenderOptions {
  readonly clock: Clock
  readonly base_url: string
  readonly headers: Readonly<Record<string, string>>
  /** A request that takes longer has failed: from dispatch to the last byte. */
  readonly timeout_s: number
  readonly worker: number
}

export interface Outgoing {
  readonly planned: PlannedRequest
  readonly payload: Payload
  readonly phase: string
  /** When it was due, open loop; null: closed loop. */
  readonly scheduled_t_ns: number | null
  readonly signal: AbortSignal
}

export interface Sender {
  /** Sends and reads to the end. Never throws: every failure is a row. */
  send(outgoing: Outgoing): Promise<RequestRow>
  close(): Promise<void>
}

/** Kept of an answer that is no stream: errors and whole answers. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024
const MAX_CONNECT_MS = 10_000

/**
 * The hot path of the load: requests over kept connections, each chunk stamped first thing when its bytes arrive.
 * No retry, but one: a kept connection that the server closed just as the request went out (before any byte of
 * an answer) is sent again, with the first time of sending.
 */
export async function createSender(options: SenderOptions): Promise<Sender> {
  const { clock, worker } = options
  const url = new URL(options.base_url)
  const pool = new Pool(url.origin, {
    pipelining: 1,
    // A long prefill is silent: only our own deadline ends it.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
    connect: {
      timeout: Math.min(MAX_CONNECT_MS, options.timeout_s * 1000),
      lookup: await fixedLookup(url.hostname),
    },
  })
  const sent = createSentTimes(clock)
  const headers = {
    ...options.headers,
    'content-type': 'application/json',
    accept: 'text/event-stream',
    'accept-encoding': 'identity',
  }

  function send(outgoing: Outgoing): Promise<RequestRow> {
    const { planned, payload, signal } = outgoing
    const record = createAnswerRecord()
    let sent_t_ns: number | null = null
    let headers_t_ns: number | null = null
    let http_status: number | null = null
    let reused = false
    let retried = false
    let stop: Ending | null = null
    let controller: Dispatcher.DispatchController | null = null
    let body: BodyReader | null = null

    return new Promise((resolve) => {
      const abort = (why: 'cancelled' | 'timeout') => {
        stop ??= why
        controller?.abort(new Error(why))
      }
      const onAbort = () => abort('cancelled')
      const deadline = setTimeout(() => abort('timeout'), options.timeout_s * 1000)
      signal.addEventListener('abort', onAbort, { once: true })

      const finish = async (ending: Ending) => {
        const closed_t_ns = clock.now()
        clearTimeout(deadline)
        signal.removeEventListener('abort', onAbort)
        await body?.end(closed_t_ns)
        // The pool gives a connection out again one turn of the loop later; sooner, a new one would be opened.
        await new Promise(setImmediate)
        resolve({
          request_id: planned.request_id,
          phase: outgoing.phase,
          scheduled_t_ns: outgoing.scheduled_t_ns,
          sent_t_ns,
          headers_t_ns,
          closed_t_ns,
          http_status,
          prompt_sha256: planned.prompt_sha256,
          requested_input_tokens: planned.requested_input_tokens,
          requested_output_tokens: planned.requested_output_tokens,
          worker,
          ...record.cells(ending, planned.requested_output_tokens),
        })
      }
      const onFailure = (error: Error) => {
        if (stop !== null) {
          void finish(stop)
          return
        }
        const { failure, refused, reset } = transportFailure(error, url.host)
        if (reset && reused && headers_t_ns === null && !retried) {
          retried = true
          record.note('sent_twice')
          dispatch()
          return
        }
        record.fail(failure)
        void finish(refused ? 'refused' : sent_t_ns === null ? 'unsent' : 'cut')
      }
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(c) {
          controller = c
          if (stop !== null) c.abort(new Error(stop))
        },
        onResponseStart(_, status, answer) {
          headers_t_ns = clock.now()
          http_status = status
          body = createBodyReader(status, answer, record, clock)
        },
        onResponseData(_, chunk) {
          body?.push(chunk, clock.now())
        },
        onResponseEnd: () => void finish('complete'),
        onResponseError: (_, error) => onFailure(error),
      }
      const dispatch = () =>
        sent.observe(
          {
            onSent: (t_ns) => {
              sent_t_ns ??= t_ns
            },
            onConnection: (again) => {
              reused = again
            },
          },
          () => pool.dispatch({ method: 'POST', headers, ...payload }, handler),
        )
      if (signal.aborted) abort('cancelled')
      dispatch()
    })
  }

  return {
    send,
    async close() {
      await pool.destroy()
      sent.close()
    },
  }
}

interface BodyReader {
  push(chunk: Buffer, t_ns: number): void
  end(t_ns: number): Promise<void>
}

/** Reads an answer by what its header says it is: a stream of events, one JSON document, or an error. */
function createBodyReader(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  record: ReturnType<typeof createAnswerRecord>,
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

function streamReader(record: ReturnType<typeof createAnswerRecord>): BodyReader {
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
function gunzipped(
  inner: BodyReader,
  record: ReturnType<typeof createAnswerRecord>,
  clock: Clock,
): BodyReader {
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

/** Resolves a name once: `localhost` must not try another address for each connection. */
async function fixedLookup(hostname: string): Promise<LookupFunction> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const addresses = await lookup(host, { all: true }).catch((error: Error) => error)
  return (_, options, callback) => {
    if (addresses instanceof Error) callback(addresses, '', 0)
    else if (options.all) callback(null, addresses)
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family ?? 0)
  }
}
