import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, createClock } from '../../agent/clock.ts'
import type { WindowEvent } from '../../agent/windows/open-windows.ts'
import { openWindowServer, type WindowServer } from '../../agent/windows/window-server.ts'
import { ROOT } from '../support/root.ts'

let dir: string
let server: WindowServer
let clock: Clock
let events: WindowEvent[]
let errors: string[]

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'llem-w-'))
  server = await openWindowServer(join(dir, 'w.sock'))
  clock = createClock()
  events = []
  errors = []
  server.recordTo({
    clock,
    onWindow: (event) => events.push(event),
    onError: (problem) => errors.push(problem),
  })
})
afterEach(async () => {
  await server.close()
  rmSync(dir, { recursive: true, force: true })
})

/** Runs a program with the socket in its environment; resolves to its exit code and what it said. */
function program(
  command: string,
  args: readonly string[],
  LLEM_WINDOWS: string | undefined = server.path,
): Promise<{ code: number | null; stderr: string }> {
  const { LLEM_WINDOWS: _, ...env } = process.env
  const child = spawn(command, args, {
    env: {
      ...env,
      PYTHONPATH: join(ROOT, 'clients/python'),
      PYTHONDONTWRITEBYTECODE: '1',
      ...(LLEM_WINDOWS === '' ? {} : { LLEM_WINDOWS }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (part) => {
    stderr += part
  })
  return new Promise((done) => child.once('close', (code) => done({ code, stderr })))
}
const python = (code: string, socket?: string) => program('python3', ['-c', code], socket)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((r) => setTimeout(r, 5))
}
const seconds = (a: WindowEvent | undefined, b: WindowEvent | undefined) =>
  ((b?.t_ns ?? 0) - (a?.t_ns ?? 0)) / 1e9

describe('clients/python/llem_windows.py', () => {
  it('marks a block, with attributes and counts, on the agent’s own clock', async () => {
    const from = clock.now()
    const ended = await python(`
import time
from llem_windows import window
with window("prefill", batch=8, model="größe", warm=True) as w:
    time.sleep(0.2)
    w.tokens = 512
`)
    expect(ended).toEqual({ code: 0, stderr: '' })
    await until(() => events.length === 2)
    const [begin, end] = events
    expect(begin).toMatchObject({
      code: 'window_begin',
      detail: { name: 'prefill', attributes: { batch: 8, model: 'größe', warm: true } },
    })
    expect(end).toMatchObject({ code: 'window_end', detail: { tokens: 512 } })
    expect(begin?.detail['stamped_by']).toBe('program')
    expect(begin?.t_ns).toBeGreaterThan(from)
    expect(end?.t_ns).toBeLessThan(clock.now())
    expect(seconds(begin, end)).toBeGreaterThan(0.199)
    expect(errors).toEqual([])
  })

  it('nests, overlaps and runs in many threads; a block that raises ends its window', async () => {
    const ended = await python(`
import threading
from llem_windows import begin, end, window
a = begin("a")
b = begin("b")
end(a)
end(b, tokens=1, requests=2)
def many():
    for _ in range(200):
        with window("t"):
            pass
threads = [threading.Thread(target=many) for _ in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
try:
    with window("raises"):
        raise ValueError()
except ValueError:
    pass
`)
    expect(ended).toEqual({ code: 0, stderr: '' })
    await until(() => events.length === 2 * (2 + 800 + 1))
    expect(errors).toEqual([])
    expect(await server.close()).toMatchObject({ windows: 803, open: 0 })
  })

  it('opens a connection of its own in a forked process', async () => {
    const ended = await python(`
import os
from llem_windows import window
with window("parent"):
    pid = os.fork()
    if pid == 0:
        with window("child"):
            pass
        raise SystemExit
    os.waitpid(pid, 0)
`)
    expect(ended).toEqual({ code: 0, stderr: '' })
    await until(() => events.length === 4)
    expect(await server.close()).toMatchObject({ clients: 2, windows: 2, open: 0, errors: 0 })
  })

  it('does nothing without a socket, and says so once', async () => {
    const code =
      'from llem_windows import window\nfor _ in range(3):\n    with window("x"): pass\nprint(1)'
    const without = await python(code, '')
    expect(without.code).toBe(0)
    expect(without.stderr).toBe(
      'llem: no windows are recorded: LLEM_WINDOWS names no socket (llem-agent measure --windows PATH sets it)\n',
    )
    const dead = await python(code, join(dir, 'nobody.sock'))
    expect(dead.code).toBe(0)
    expect(dead.stderr.match(/llem: /g)).toHaveLength(1)
    expect(dead.stderr).toContain('nobody listens on')
  })

  it('neither waits for an agent that does not read nor fails when it goes', async () => {
    const slow = join(dir, 'slow.py.sock')
    const ended = await python(
      `
import socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(${JSON.stringify(slow)})
listener.listen()
from llem_windows import begin
t = time.monotonic()
for _ in range(60000):
    begin("x")
assert time.monotonic() - t < 20
`,
      slow,
    )
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('the agent does not read its socket')
    const gone = await python(`
import os, time
from llem_windows import window, _channel
with window("a"): pass
_channel.socket.shutdown(2)
for _ in range(3):
    with window("b"): pass
`)
    expect(gone.code).toBe(0)
    expect(gone.stderr.match(/the agent is gone/g)).toHaveLength(1)
  })
})

describe('examples/windows', () => {
  it.each([
    ['node.mjs', process.execPath, ['prefill', 'decode']],
    ['generate.py', 'python3', ['request', 'prefill', 'decode']],
  ])('%s marks its windows', async (file, command, names) => {
    const ended = await program(command, [join(ROOT, 'examples/windows', file)])
    expect(ended).toEqual({ code: 0, stderr: '' })
    await until(() => events.filter((e) => e.code === 'window_end').length === 3 * names.length)
    expect(new Set(events.flatMap((e) => e.detail['name'] ?? []))).toEqual(new Set(names))
    expect(events.every((e) => e.detail['stamped_by'] === 'program')).toBe(true)
    expect(errors).toEqual([])
  })
})
