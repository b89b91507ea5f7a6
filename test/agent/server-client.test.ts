import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createServerClient } from '../../agent/server-client.ts'
import { ServerError } from '../../agent/server-error.ts'
import { WIRE_HEADER, WIRE_VERSION } from '../../analysis/schema/wire.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An address at which a server was until just now. */
async function nowhere(): Promise<string> {
  const url = await serve(() => undefined)
  closing.pop()?.()
  return url
}

const answering = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  serve((_, response) => {
    response.writeHead(status, { [WIRE_HEADER]: WIRE_VERSION, ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })

const failure = async (work: Promise<unknown>): Promise<ServerError> => {
  const error = await work.catch((e: unknown) => e)
  expect(error).toBeInstanceOf(ServerError)
  return error as ServerError
}
const client = (url: string, timeout_ms = 5_000) =>
  createServerClient({ url, token: 'secret', timeout_ms })

describe('a client of the server', () => {
  test('sends the token, the version of the wire, the digest and the bytes', async () => {
    const url = await serve((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        response.writeHead(201, { [WIRE_HEADER]: WIRE_VERSION })
        seen = { ...request.headers, url: request.url, body: Buffer.concat(parts).toString('hex') }
        response.end('{}')
      })
    })
    let seen: Record<string, unknown> = {}
    // SHA-256 of the single byte 0x61 ("a"), as sha256sum gives it.
    const sha256 = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
    const key = { process_id: 'a:b', stream: 'sample', seq: 7 } as const
    expect(await client(`${url}/`).putChunk('r1', key, new Uint8Array([0x61]), sha256)).toBe(
      'stored',
    )
    expect(seen).toMatchObject({
      authorization: 'Bearer secret',
      'llem-schema': WIRE_VERSION,
      'content-digest': 'sha-256=:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=:',
      'content-type': 'application/vnd.apache.arrow.stream',
      url: '/api/v1/runs/r1/chunks?process_id=a%3Ab&stream=sample&seq=7',
      body: '61',
    })
  })
  test('tells new from known: 201 and 200', async () => {
    const key = { process_id: 'p', stream: 'event', seq: 0 } as const
    const fresh = client(await answering(201, {}))
    const known = client(await answering(200, {}))
    expect([await fresh.register('{}'), await known.register('{}')]).toEqual(['new', 'same'])
    expect(await known.putChunk('r', key, new Uint8Array(1), '00')).toBe('already')
  })
  test('reads whole numbers above 2^53 to the last digit', async () => {
    const url = await answering(200, '{"t_ns":1790000000123456789}')
    expect(await client(url).get('/x')).toEqual({ t_ns: 1790000000123456789n })
  })
  test('gives a problem as its detail, code and bad fields', async () => {
    const problem = {
      title: 'Bad input',
      status: 422,
      code: 'bad_run',
      detail: 'The run is no run.',
      errors: [{ path: 'run.phases', message: 'is missing' }],
    }
    const error = await failure(client(await answering(422, problem)).register('{}'))
    expect(error).toMatchObject({ status: 422, code: 'bad_run', retry: false, problem })
    expect(error.detail).toBe('The run is no run. run.phases: is missing.')
  })
  test.each([500, 502, 503, 504, 408, 425, 429, 507])('%i is to be tried again', async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end('<html>'))
    const error = await failure(client(url).register('{}'))
    expect(error).toMatchObject({ status, retry: true, code: `http_${status}` })
  })
  test.each([400, 401, 403, 404, 409, 413, 415, 422])('%i is final', async (status) => {
    const body = { title: 'no', status, code: 'no' }
    const error = await failure(client(await answering(status, body)).register('{}'))
    expect(error).toMatchObject({ status, retry: false, message: 'no' })
  })
  test('does not take another program for a server', async () => {
    const url = await serve((_, response) => response.end('hello'))
    const error = await failure(client(url).get('/runs'))
    expect(error).toMatchObject({ code: 'not_llem', retry: false })
    expect(error.message).toContain(`${url} answers, but is no llem server`)
    const lost = await serve((_, response) => response.writeHead(404).end('no'))
    expect(await failure(client(lost).get('/runs'))).toMatchObject({ code: 'not_llem' })
  })
  test('refuses a server of another major version, and takes another minor one', async () => {
    const older = await answering(200, {}, { [WIRE_HEADER]: '0.9' })
    const error = await failure(client(older).get('/runs'))
    expect(error).toMatchObject({ code: 'schema_version', retry: false })
    expect(error.message).toContain(`speaks version 0.9 of the wire and this agent ${WIRE_VERSION}`)
    const newer = await answering(200, {}, { [WIRE_HEADER]: `${WIRE_VERSION.split('.')[0]}.99` })
    expect(await client(newer).get('/runs')).toEqual({})
  })
  test('names the address to which a server redirects', async () => {
    const url = await answering(308, '', { location: 'https://other' })
    expect((await failure(client(url).register('{}'))).message).toContain(
      'redirects to https://other',
    )
  })
  test('a server that is not there, breaks off or is too slow is to be tried again', async () => {
    const gone = await failure(client(await nowhere()).get('/runs'))
    expect(gone).toMatchObject({ status: null, code: 'ECONNREFUSED', retry: true })
    const cut = await serve((request) => request.socket.destroy())
    expect(await failure(client(cut).get('/runs'))).toMatchObject({ status: null, retry: true })
    const half = await serve((_, response) => {
      response.writeHead(200, { [WIRE_HEADER]: WIRE_VERSION, 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 10)
    })
    expect(await failure(client(half).text('/runs'))).toMatchObject({ status: null, retry: true })
    const slow = await serve(() => undefined)
    const late = await failure(client(slow, 50).register('{}'))
    expect(late).toMatchObject({ status: null, code: 'timeout', retry: true })
  })
  test.each([0, 9, 6000])('port %d, which no HTTP client asks, is a wrong option', async (port) => {
    const client = createServerClient({ url: `http://127.0.0.1:${port}`, token: null })
    const error = await failure(client.get('/runs'))
    expect(error).toMatchObject({ retry: false, kind: 'config', code: 'bad_port' })
    expect(error.message).toContain(`no HTTP client asks port ${port},`)
  })

  test('says whether a server answers, and never throws', async () => {
    expect(await client(await answering(200, {})).healthy()).toBe(true)
    expect(await client(await answering(503, {})).healthy()).toBe(false)
    expect(await client(await nowhere()).healthy()).toBe(false)
  })
})
