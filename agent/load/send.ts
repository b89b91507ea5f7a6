import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import type { RequestRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { timerMs } from '../time-limit.ts'
import { createAnswerRecord } from './answer-record.ts'
import { type BodyReader, createBodyReader } from './body-reader.ts'
import type { PlannedRequest } from './load.ts'
import type { Ending, Failure } from './outcome.ts'
import { type Payload, promptText } from './payload.ts'
import { createSentTimes } from './sent-times.ts'
import { transportFailure } from './transport-failure.ts'

export interface SenderOptions {
  readonly clock: Clock
  readonly base_url: string
  readonly headers: Readonly<Record<string, string>>
  /** A request that takes longer has failed: from dispatch to the last byte. */
  readonly timeout_s: number
  readonly worker: number
  /** Rows hold the texts of prompt and answer; without: no. */
  readonly keep_answers?: boolean
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

const MAX_CONNECT_MS = 10_000
/** After `[DONE]` only the end of the HTTP body is to come; a connection that stays open longer is closed. */
const DONE_GRACE_MS = 100

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
    let grace: NodeJS.Timeout | null = null
    const record = createAnswerRecord(() => {
      grace = setTimeout(() => stopBy('complete'), DONE_GRACE_MS)
    })
    let sent_t_ns: number | null = null
    let headers_t_ns: number | null = null
    let http_status: number | null = null
    let reused = false
    let retried = false
    let stop: Ending | null = null
    let controller: Dispatcher.DispatchController | null = null
    let body: BodyReader | null = null
    const stopBy = (why: 'complete' | 'cancelled' | 'timeout') => {
      stop ??= why
      controller?.abort(new Error(why))
    }

    return new Promise((resolve) => {
      const onAbort = () => stopBy('cancelled')
      const deadline = setTimeout(() => stopBy('timeout'), timerMs(options.timeout_s))
      signal.addEventListener('abort', onAbort, { once: true })

      const finish = async (ending: Ending, transport: Failure | null = null) => {
        const closed_t_ns = clock.now()
        clearTimeout(deadline)
        signal.removeEventListener('abort', onAbort)
        await body?.end(closed_t_ns, ending === 'complete')
        if (grace !== null) clearTimeout(grace)
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
          ...record.cells(ending, planned.requested_output_tokens, transport),
          ...(options.keep_answers
            ? { prompt_text: promptText(planned.prompt), output_text: record.text() }
            : {}),
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
        void finish(refused ? 'refused' : sent_t_ns === null ? 'unsent' : 'cut', failure)
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
      if (signal.aborted) stopBy('cancelled')
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
