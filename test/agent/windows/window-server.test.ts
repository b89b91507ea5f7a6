import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import type { WindowEvent } from '../../../agent/windows/open-windows.ts'
import { openWindowServer, type WindowServer } from '../../../agent/windows/window-server.ts'

let dir: string
let path: string
let server: WindowServer | null
let events: WindowEvent[]
let errors: string[]

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-w-'))
  path = join(dir, 'w.sock')
  server = null
  events = []
  errors = []
})
afterEach(async () => {
  await server?.close()
  rmSync(dir, { recursive: true, force: true })
})

async function open(): Promise<WindowServer> {
  server = await openWindowServer(path)
  server.recordTo({
    clock: createClock(),
    onWindow: (event) => events.push(event),
    onError: (problem, line) => errors.push(`${line} ${problem}`),
  })
  return server
}

async function client(): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((r) => setTimeout(r, 5))
}

describe('the windows’ socket', () => {
  it('is the user’s alone', async () => {
    await open()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('takes the marks of many clients at once', async () => {
    await open()
    const sockets = await Promise.all(Array.from({ length: 20 }, client))
    for (const [i, s] of sockets.entries())
      for (let id = 0; id < 50; id++)
        s.write(`{"begin":"c${i}","id":${id}}\n{"end":${id},"tokens":1}\n`)
    await until(() => events.length === 20 * 50 * 2)
    expect(errors).toEqual([])
    for (const s of sockets) s.destroy()
    expect(await server?.close()).toEqual({ clients: 20, windows: 1000, open: 0, errors: 0 })
  })

  it('counts what is no mark, tells the first hundred and takes what follows', async () => {
    await open()
    const socket = await client()
    for (let i = 0; i < 150; i++) socket.write(`garbage ${i}\n`)
    socket.write(Buffer.alloc(300_000, 'x'))
    socket.write('\n{"begin":"a","id":1}\n')
    await until(() => events.length === 1)
    expect(errors).toHaveLength(100)
    expect(errors[0]).toContain('garbage 0 is not JSON')
    socket.destroy()
    expect(await server?.close()).toMatchObject({ windows: 1, open: 1, errors: 151 })
  })

  it('ends a window whose count is bad, without the count, and tells that', async () => {
    await open()
    const socket = await client()
    socket.write('{"begin":"a","id":12}\n{"end":12,"tokens":-4,"requests":3}\n')
    await until(() => errors.length === 1)
    expect(events.map((e) => e.code)).toEqual(['window_begin', 'window_end'])
    expect(events[1]?.detail).toEqual({ id: 1, stamped_by: 'agent', requests: 3 })
    expect(errors[0]).toMatch(/has tokens -4, where a whole number .* the window ends without$/)
    socket.destroy()
    expect(await server?.close()).toMatchObject({ windows: 1, open: 0, errors: 1 })
  })

  it('takes a last line without its newline, of a client that is killed', async () => {
    await open()
    const socket = await client()
    socket.end('{"begin":"a","id":1}')
    await until(() => events.length === 1)
  })

  it('reads what the kernel holds before it closes', async () => {
    await open()
    const socket = await client()
    socket.write('{"begin":"a","id":1}\n')
    await new Promise((r) => socket.write('{"end":1}\n', r))
    await server?.close()
    expect(events.map((e) => e.code)).toEqual(['window_begin', 'window_end'])
  })

  it('is taken over from an agent that was killed', async () => {
    // Listening and then gone without removing it, as a killed process leaves it.
    const dead = createServer().listen(path)
    await once(dead, 'listening')
    const aside = join(dir, 'aside')
    const { linkSync } = await import('node:fs')
    linkSync(path, aside)
    await new Promise((r) => dead.close(r))
    linkSync(aside, path)
    await open()
    await client()
  })

  it.each([
    ['a file', () => writeFileSync(path, 'mine'), 'no socket'],
    [
      'a folder that is not there',
      () => rmSync(dir, { recursive: true }),
      'is no folder.*mkdir -p',
    ],
    [
      'a file in place of the folder',
      () => {
        rmSync(dir, { recursive: true })
        writeFileSync(dir, 'mine')
      },
      'is no folder',
    ],
  ])('refuses %s', async (_, prepare, why) => {
    prepare()
    await expect(openWindowServer(path)).rejects.toThrow(new RegExp(`--windows: .*${why}`))
  })

  it('refuses a socket that another agent serves', async () => {
    await open()
    await expect(openWindowServer(path)).rejects.toThrow(/served by another agent/)
    await client()
  })

  it('refuses a path that no socket can have, and says how long it may be', async () => {
    await expect(openWindowServer(join(dir, 'x'.repeat(120)))).rejects.toThrow(/path takes 10[37]/)
  })
})
