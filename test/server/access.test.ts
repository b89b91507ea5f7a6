import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { createToken, revokeToken } from '../../server/store/tokens.ts'
import { runText } from './sample-run.ts'
import { problem, type Served, served } from './served.ts'

let server: Served
afterEach(() => server.close())
const NOW = '2026-02-01T00:00:00.000Z'
const status = async (headers: Record<string, string> = {}, path = '/api/v1/runs') =>
  (await fetch(server.url + path, { headers })).status

/** fetch sets Host and Origin itself; this sends what it is told. */
const raw = (
  method: string,
  headers: Record<string, string>,
  body = '',
): Promise<{ status: number; code: string }> =>
  new Promise((resolve, reject) => {
    const url = new URL(`${server.api}/runs`)
    const sent = request(
      { host: url.hostname, port: url.port, path: url.pathname, method, headers },
      (answer) => {
        let text = ''
        answer.on('data', (part) => {
          text += part
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, code: JSON.parse(text).code }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })

describe('on loopback', () => {
  it('no token is needed', async () => {
    server = await served()
    expect(await status()).toBe(200)
  })

  it('another Host than this machine is refused, as a rebound name would send it', async () => {
    server = await served()
    expect(await raw('GET', { host: 'evil.example:8642' })).toEqual({
      status: 403,
      code: 'host_refused',
    })
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:80'])
      expect((await raw('GET', { host })).status).toBe(200)
  })

  it('a page of another site can change nothing', async () => {
    server = await served()
    const post = (origin: string) => raw('POST', { origin }, runText())
    expect(await post('https://evil.example')).toEqual({ status: 403, code: 'origin_refused' })
    expect(await post('null')).toEqual({ status: 403, code: 'origin_refused' })
    expect((await post(server.url)).status).toBe(201)
  })
})

describe('with a token', () => {
  it('of the environment, each request needs it', async () => {
    server = await served({ token: 'secret' })
    expect(await status()).toBe(401)
    expect(await status({ authorization: 'Bearer wrong' })).toBe(401)
    expect(await status({ authorization: 'Basic secret' })).toBe(401)
    expect(await status({ authorization: 'Bearer secret' })).toBe(200)
    const answer = await fetch(`${server.api}/runs`)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(await problem(answer)).toMatchObject({
      code: 'unauthorized',
      detail: expect.stringContaining('llem-server token create'),
    })
  })

  it('made in the database, each request needs one that is not revoked', async () => {
    server = await served()
    const { db } = server.store
    const token = (await createToken(db, 'gpu-1', NOW)) as string
    expect(await createToken(db, 'gpu-1', NOW)).toBeNull()
    expect(await status()).toBe(401)
    expect(await status({ authorization: `Bearer ${token}` })).toBe(200)
    const row = await db.selectFrom('token').selectAll().executeTakeFirstOrThrow()
    expect(JSON.stringify(row)).not.toContain(token)
    expect(row.last_used_at).not.toBeNull()
    await createToken(db, 'gpu-2', NOW)
    expect(await revokeToken(db, 'gpu-1', NOW)).toBe('revoked')
    expect(await revokeToken(db, 'gpu-1', NOW)).toBe('revoked_before')
    expect(await status({ authorization: `Bearer ${token}` })).toBe(401)
  })

  it('health and description stay open, numbers do not', async () => {
    server = await served({ token: 'secret' })
    for (const path of ['/healthz', '/readyz', '/docs', '/api/v1/openapi.json'])
      expect(await status({}, path)).toBe(200)
    expect(await status({}, '/metrics')).toBe(401)
  })

  it('names who changed a run in the audit trail', async () => {
    server = await served()
    const token = (await createToken(server.store.db, 'ann', NOW)) as string
    const headers = { authorization: `Bearer ${token}` }
    await fetch(`${server.api}/runs`, { method: 'POST', body: runText(), headers })
    await fetch(`${server.api}/runs/last`, { method: 'PATCH', body: '{"note":"x"}', headers })
    const row = await server.store.db.selectFrom('audit').selectAll().executeTakeFirstOrThrow()
    expect(row).toMatchObject({ actor: 'ann', action: 'annotate_run' })
  })
})

describe('reachable from other machines', () => {
  it('a token is needed whatever is stored', async () => {
    server = await served({ host: '0.0.0.0' })
    const { port } = new URL(server.url)
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/runs`)).status).toBe(401)
  })
})
