import { parseJson } from '../analysis/schema/json.ts'
import {
  API_PREFIX,
  type ChunkKey,
  problemSchema,
  type Seal,
  sameMajor,
  WIRE_HEADER,
  WIRE_VERSION,
} from '../analysis/schema/wire.ts'
import { fetch, type RequestInit, type Response } from './fetch.ts'
import { ServerError } from './server-error.ts'

type Ask = RequestInit & { readonly headers?: Readonly<Record<string, string>> }

/** The server as an agent needs it. Paths are those under /api/v1. Every method throws ServerError. */
export interface ServerClient {
  readonly url: string
  /** Makes the run known. The same run again is `same`; other content under the same id is a 409. */
  register(run_json: string, signal?: AbortSignal): Promise<'new' | 'same'>
  /** Replaces the whole run.json of a known run. */
  update(run_id: string, run_json: string, signal?: AbortSignal): Promise<void>
  /** Sends one chunk; resolved, it is committed. @param sha256 64 hexadecimal digits */
  putChunk(
    run_id: string,
    key: ChunkKey,
    bytes: Uint8Array<ArrayBuffer>,
    sha256: string,
    signal?: AbortSignal,
  ): Promise<'stored' | 'already'>
  seal(run_id: string, seal: Seal, signal?: AbortSignal): Promise<void>
  /** An answer's JSON. */
  get(path: string): Promise<unknown>
  /** An answer's text. */
  text(path: string): Promise<string>
  /** Whether a server answers there at all. Never throws. */
  healthy(): Promise<boolean>
}

const RETRY_STATUS = new Set([408, 425, 429, 507])
/** A chunk may have to cross a slow line: this many bytes a second at least. */
const SLOWEST_BYTES_S = 100_000

/**
 * A client of one server over HTTP.
 * @param options.timeout_ms how long one answer may take, uploads of chunks longer by their size
 */
export function createServerClient(options: {
  readonly url: string
  readonly token: string | null
  readonly timeout_ms?: number
}): ServerClient {
  const { token, timeout_ms = 30_000 } = options
  const url = options.url.replace(/\/+$/, '')
  const authorization = token === null ? {} : { Authorization: `Bearer ${token}` }

  async function ask(path: string, init: Ask = {}, extra_ms = 0): Promise<Response> {
    const headers = { ...init.headers, [WIRE_HEADER]: WIRE_VERSION, ...authorization }
    const timeout = AbortSignal.timeout(timeout_ms + extra_ms)
    const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout
    let response: Response
    try {
      response = await fetch(`${url}${path}`, { ...init, headers, signal, redirect: 'manual' })
    } catch (error) {
      throw unreachable(url, error, timeout.aborted, timeout_ms + extra_ms)
    }
    if (response.ok) {
      checkSchema(url, response)
      return response
    }
    throw await refusal(url, path, response)
  }

  /** A body that breaks off is a broken connection, not an answer. */
  async function body<T>(read: Promise<T>): Promise<T> {
    try {
      return await read
    } catch (error) {
      throw unreachable(url, error, false, timeout_ms)
    }
  }

  const api = (path: string) => `${API_PREFIX}${path}`
  const run = (run_id: string) => api(`/runs/${encodeURIComponent(run_id)}`)
  const json = (method: 'POST' | 'PUT', text: string, signal?: AbortSignal): Ask => ({
    method,
    body: text,
    headers: { 'Content-Type': 'application/json' },
    ...(signal ? { signal } : {}),
  })
  /** Reads the answer to its end, so that the connection can be used again. */
  const done = async (answer: Promise<Response>) => {
    const response = await answer
    await body(response.arrayBuffer())
    return response
  }

  return {
    url,
    async register(run_json, signal) {
      const { status } = await done(ask(api('/runs'), json('POST', run_json, signal)))
      return status === 201 ? 'new' : 'same'
    },
    async update(run_id, run_json, signal) {
      await done(ask(run(run_id), json('PUT', run_json, signal)))
    },
    async putChunk(run_id, { process_id, stream, seq }, bytes, sha256, signal) {
      const query = new URLSearchParams({ process_id, stream, seq: String(seq) })
      const digest = Buffer.from(sha256, 'hex').toString('base64')
      const init: Ask = {
        method: 'POST',
        body: bytes,
        headers: {
          'Content-Type': 'application/vnd.apache.arrow.stream',
          'Content-Digest': `sha-256=:${digest}:`,
        },
        ...(signal ? { signal } : {}),
      }
      const extra_ms = Math.ceil((bytes.length / SLOWEST_BYTES_S) * 1000)
      const { status } = await done(ask(`${run(run_id)}/chunks?${query}`, init, extra_ms))
      return status === 201 ? 'stored' : 'already'
    },
    async seal(run_id, seal, signal) {
      await done(ask(`${run(run_id)}/seal`, json('POST', JSON.stringify(seal), signal)))
    },
    async get(path) {
      return parseJson(await body((await ask(api(path))).text()))
    },
    text: async (path) => body((await ask(api(path))).text()),
    async healthy() {
      try {
        const signal = AbortSignal.timeout(Math.min(timeout_ms, 5_000))
        const response = await fetch(`${url}/healthz`, { signal, redirect: 'manual' })
        await response.arrayBuffer()
        return response.ok
      } catch {
        return false
      }
    },
  }
}

function checkSchema(url: string, response: Response): void {
  const theirs = response.headers.get(WIRE_HEADER)
  const { status } = response
  if (theirs === null)
    throw new ServerError({
      status,
      code: 'not_llem',
      detail: `${url} answers, but is no llem server (no ${WIRE_HEADER} header). Check --server.`,
      retry: false,
    })
  if (!sameMajor(theirs))
    throw new ServerError({
      status,
      code: 'schema_version',
      detail: `The server ${url} speaks version ${theirs} of the wire and this agent ${WIRE_VERSION}. Install the same major version of both.`,
      retry: false,
    })
}

async function refusal(url: string, path: string, response: Response): Promise<ServerError> {
  const { status } = response
  const text = await response.text().catch(() => '')
  const retry = status >= 500 || RETRY_STATUS.has(status)
  // Whatever stands between agent and server may answer for it while it is away: only a final answer is judged.
  if (!retry && status >= 300 && status < 400)
    return new ServerError({
      status,
      code: 'redirect',
      detail: `${url} redirects to ${response.headers.get('location') ?? 'elsewhere'}. Give that as --server.`,
      retry,
    })
  let problem: ReturnType<typeof problemSchema.safeParse> | null = null
  try {
    problem = problemSchema.safeParse(JSON.parse(text))
  } catch {
    // Not JSON: a proxy's page, or a server that broke off.
  }
  if (!problem?.success) {
    if (!retry && response.headers.get(WIRE_HEADER) === null) {
      try {
        checkSchema(url, response)
      } catch (error) {
        return error as ServerError
      }
    }
    const detail = `The server ${url} answered ${status} to ${path.split('?')[0]}.`
    return new ServerError({ status, code: `http_${status}`, detail, retry })
  }
  const { code, title, detail, errors = [] } = problem.data
  const fields = errors.slice(0, 5).map((e) => ` ${e.path}: ${e.message}.`)
  return new ServerError({
    status,
    code,
    detail: `${detail ?? title}${fields.join('')}`,
    retry,
    problem: problem.data,
  })
}

function unreachable(url: string, error: unknown, late: boolean, limit_ms: number): ServerError {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause
  // Waiting helps neither a port that belongs to another protocol nor 0, on which nothing can listen.
  const port = URL.canParse(url) ? new URL(url).port : ''
  if (cause?.message === 'bad port' || port === '0')
    return new ServerError({
      status: null,
      code: 'bad_port',
      detail: `The server ${url} can never be reached: no HTTP client asks port ${port}, which is kept for something else. Give --server with the port that it listens on, such as 8642.`,
      retry: false,
      kind: 'config',
    })
  const code = late ? 'timeout' : (cause?.code ?? (error as Error).name)
  const what = late
    ? `did not answer within ${Math.round(limit_ms / 1000)} s`
    : `can't be reached (${cause?.code ?? cause?.message ?? (error as Error).message})`
  return new ServerError({
    status: null,
    code,
    detail: `The server ${url} ${what}.`,
    retry: true,
  })
}
