import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { llemServer, serveProgram } from './program.ts'
import { tempDir } from './served.ts'

let dir: string
let db: string
beforeEach(() => {
  dir = tempDir()
  db = join(dir, 'llem.db')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))
const lock = () => JSON.parse(readFileSync(`${db}.lock`, 'utf8'))

describe('llem-server serve', () => {
  it('says in one JSON line where it listens, and in the lock file who it is', async () => {
    const server = await serveProgram(db)
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(server.pid).toBe(server.child.pid)
    expect(lock()).toMatchObject({
      pid: server.pid,
      url: server.url,
      token: null,
      started_at: expect.any(String),
    })
    expect(statSync(`${db}.lock`).mode & 0o777).toBe(0o600)
    server.child.kill('SIGTERM')
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(`${db}.lock`)).toBe(false)
  })

  it('ends on SIGINT too, even while events are watched', async () => {
    const server = await serveProgram(db)
    const run = {
      bundle_version: 1,
      run: { run_id: 'r', experiment: {}, phases: [] },
      devices: [],
      processes: [{ process_id: 'p' }],
    }
    await fetch(`${server.url}/api/v1/runs`, { method: 'POST', body: JSON.stringify(run) })
    const events = fetch(`${server.url}/api/v1/runs/r/events`).then((a) => a.text())
    await new Promise((resolve) => setTimeout(resolve, 100))
    server.child.kill('SIGINT')
    expect((await server.ended).code).toBe(0)
    expect(await events).toContain('event: state')
  })

  it('wants LLEM_TOKEN when it is given, and puts it in the lock file', async () => {
    const server = await serveProgram(db, [], { env: { LLEM_TOKEN: 'one-time' } })
    const ask = (authorization: string) =>
      fetch(`${server.url}/api/v1/runs`, { headers: { authorization } }).then((a) => a.status)
    expect(await ask('')).toBe(401)
    expect(await ask('Bearer one-time')).toBe(200)
    expect(lock().token).toBe('one-time')
    server.child.kill('SIGTERM')
    await server.ended
  })

  it('lets programs of this user in by the lock file where tokens are wanted', async () => {
    await llemServer(['token', 'create', 'gpu-1', '--db', db])
    const server = await serveProgram(db)
    const headers = { authorization: `Bearer ${lock().token}` }
    expect((await fetch(`${server.url}/api/v1/runs`)).status).toBe(401)
    expect((await fetch(`${server.url}/api/v1/runs`, { headers })).status).toBe(200)
    server.child.kill('SIGTERM')
    await server.ended
  })

  it('ends when its parent closes stdin, and leaves Ctrl-C to the parent', async () => {
    const server = await serveProgram(db, ['--until-stdin-closes'], { stdin: 'pipe' })
    server.child.kill('SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    server.child.stdin?.end()
    expect((await server.ended).code).toBe(0)
    expect(existsSync(`${db}.lock`)).toBe(false)
  })

  it("does not serve what another serves, naming it; a dead one's lock is replaced", async () => {
    const first = await serveProgram(db)
    const second = await llemServer(['serve', '--db', db, '--port', '0'])
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(first.url)
    first.child.kill('SIGKILL')
    await first.ended
    expect(existsSync(`${db}.lock`)).toBe(true)
    const third = await serveProgram(db)
    expect(lock().pid).toBe(third.pid)
    third.child.kill('SIGTERM')
    await third.ended
  })

  it('does not serve by a link what is served by its name', async () => {
    const first = await serveProgram(db)
    symlinkSync(db, join(dir, 'link.db'))
    const second = await llemServer(['serve', '--db', join(dir, 'link.db'), '--port', '0'])
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(first.url) })
    first.child.kill('SIGTERM')
    await first.ended
  })

  it('of two that begin at once, one serves and the other says so', async () => {
    await llemServer(['migrate', '--db', db])
    const began = await Promise.allSettled([serveProgram(db), serveProgram(db)])
    const serving = began.flatMap((b) => (b.status === 'fulfilled' ? [b.value] : []))
    const refused = began.flatMap((b) => (b.status === 'rejected' ? [String(b.reason)] : []))
    expect(serving).toHaveLength(1)
    expect(refused[0]).toMatch(
      /exit 1: (The database .* is served already|Another server began to serve .* at the same time)/,
    )
    expect(lock().pid).toBe(serving[0]?.pid)
    serving[0]?.child.kill('SIGTERM')
    expect(await serving[0]?.ended).toMatchObject({ code: 0 })
  })

  it('does not take the database of one that is stopped, and shows that it does not respond', async () => {
    const first = await serveProgram(db)
    first.child.kill('SIGSTOP')
    const second = await llemServer(['serve', '--db', db, '--port', '0'])
    first.child.kill('SIGCONT')
    expect(second).toMatchObject({
      code: 1,
      stderr: `The database ${db} is served already, by process ${first.pid} at ${first.url}, which does not respond: it is stopped, or very busy. Use that server, or stop it first.\n`,
    })
    first.child.kill('SIGTERM')
    expect(await first.ended).toMatchObject({ code: 0 })
  })

  it("takes no lock for a server's whose process id has gone to another program", async () => {
    writeFileSync(
      `${db}.lock`,
      JSON.stringify({ pid: process.pid, url: 'http://127.0.0.1:9', token: null, started_at: '' }),
    )
    const server = await serveProgram(db)
    server.child.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
    writeFileSync(`${db}.lock`, '{"pid":')
    const again = await serveProgram(db)
    again.child.kill('SIGTERM')
    await again.ended
  })

  it('says in one sentence that a port is in use, an address is none of ours, or a token is wanting', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => blocker.once('listening', resolve))
    const { port } = blocker.address() as AddressInfo
    const busy = await llemServer(['serve', '--db', db, '--port', String(port)])
    expect(busy.code).toBe(1)
    expect(busy.stderr).toMatch(/^Port \d+ of 127\.0\.0\.1 is in use.*\n$/)
    blocker.close()
    const open = await llemServer(['serve', '--db', db, '--host', '0.0.0.0', '--port', '0'])
    expect([open.code, open.stderr]).toEqual([
      2,
      expect.stringMatching(/^--host 0\.0\.0\.0 .*llem-server token create NAME.*\n$/),
    ])
    await llemServer(['token', 'create', 'x', '--db', db])
    const foreign = await llemServer(['serve', '--db', db, '--host', '203.0.113.7', '--port', '0'])
    expect([foreign.code, foreign.stderr]).toEqual([
      2,
      expect.stringContaining('no address of this machine'),
    ])
    const bad = await llemServer(['serve', '--db', db, '--port', '70000'])
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('0 to 65535')])
    expect(existsSync(`${db}.lock`)).toBe(false)
  })
})
