import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildFakeNvml, writeScript } from '../../support/fake-nvml/fake-nvml.ts'
import { AGENT, type Home, makeHome, run, start } from '../../support/programs.ts'

let dir: string
let home: Home
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'llem-watch-'))
  home = makeHome({
    LLEM_NVML_PATH: buildFakeNvml(dir),
    FAKE_NVML_GPUS: '2',
    FAKE_NVML_SCRIPT: writeScript(dir, [
      [0, 0, 'power_mw', 400_000],
      [0, 1, 'power_mw', 150_000],
    ]),
  })
})
afterAll(() => {
  home.remove()
  rmSync(dir, { recursive: true, force: true })
})

const watch = (...args: string[]) => run(AGENT, ['watch', ...args], home)

/** Runs the agent in a terminal of 80 columns; `keys` are typed once `seen` is shown. */
function inTerminal(
  args: readonly string[],
  seen?: RegExp,
  keys?: string,
): Promise<{ code: number | null; shown: string }> {
  const terminal = `
import os, pty, sys, fcntl, termios, struct
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
import select
while True:
    ready, _, _ = select.select([fd, 0], [], [])
    if 0 in ready:
        typed = os.read(0, 100)
        if typed: os.write(fd, typed)
    if fd in ready:
        try: data = os.read(fd, 65536)
        except OSError: data = b""
        if not data: break
        os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if hasattr(os, "waitstatus_to_exitcode") else 0)
`
  const child = spawn('python3', ['-c', terminal, process.execPath, AGENT, 'watch', ...args], {
    env: { ...home.env, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  let typed = false
  child.stdout.on('data', (part) => {
    shown += part
    if (typed || !seen?.test(shown)) return
    typed = true
    child.stdin.write(keys ?? '')
  })
  return new Promise((done) => child.once('close', (code) => done({ code, shown })))
}

describe('llem-agent watch', () => {
  it('prints a JSON document on a line each time', async () => {
    const ended = await watch('--json', '--count', '3', '--interval', '0.5')
    expect(ended.code, ended.stderr).toBe(0)
    const lines = ended.stdout
      .trimEnd()
      .split('\n')
      .map((l) => JSON.parse(l))
    expect(lines).toHaveLength(3)
    const gpus = lines.at(-1).devices.filter((d: { kind: string }) => d.kind === 'gpu')
    expect(gpus).toMatchObject([{ source: 'nvml_power_ring' }, { source: 'nvml_power_ring' }])
    expect(gpus[0].power_w).toBeCloseTo(400, 0)
    expect(gpus[1].power_w).toBeCloseTo(150, 0)
    expect(gpus[0].memory_bytes).toBeGreaterThan(0)
    expect(typeof gpus[0].temperature_c).toBe('number')
  })

  it('prints a line a device where there is no terminal', async () => {
    const ended = await watch('--count', '2', '--interval', '1')
    expect(ended.stdout).toMatch(/^\S+Z {2}GPU 0 .*400\.0 W .* C .* MHz/m)
    expect(ended.stdout).toMatch(/^\S+Z {2}GPU 1 .*150\.0 W/m)
    expect(ended.stdout).not.toContain('\x1b')
  })

  it('draws a table in a terminal, and gives the screen back at Ctrl-C', async () => {
    const { code, shown } = await inTerminal(['--interval', '0.5'], /400\.0 W/, '\x03')
    expect(code).toBe(0)
    expect(shown.startsWith('\x1b[?1049h\x1b[?25l')).toBe(true)
    expect(shown.replace(/\^C/g, '').endsWith('\x1b[?25h\x1b[?1049l')).toBe(true)
    const frames = shown.replaceAll('\x1b[H', '\n').replace(/\^C/g, '')
    for (const line of stripVTControlCharacters(frames).split(/\r?\n/))
      expect(line.length).toBeLessThanOrEqual(80)
  })

  it('serves what it shows to Prometheus, on loopback', async () => {
    const started = start(AGENT, ['watch', '--prometheus', '0', '--interval', '0.3'], home)
    const url = await new Promise<string>((done) =>
      started.child.stderr?.on('data', (part) => {
        const found = /Prometheus: (\S+)/.exec(String(part))
        if (found) done(found[1] as string)
      }),
    )
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    let text = ''
    while (!/llem_gpu_energy_joules_total\{[^}]*\} [1-9]/.test(text)) {
      await new Promise((r) => setTimeout(r, 100))
      text = await (await fetch(url)).text()
    }
    expect(text).toMatch(/llem_gpu_power_watts\{device="GPU-[^}]*\} 400\b/)
    expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404)
    started.child.kill('SIGTERM')
    expect((await started.ended).code).toBe(0)
  })

  it.each([
    [['--interval', '0'], 'seconds from 0.1'],
    [['--count', '1.5'], 'whole number'],
    [['--prometheus', 'x'], '--prometheus: is "x"'],
  ])('%j is refused in a sentence, exit 2', async (args, words) => {
    const ended = await watch(...args)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(words)
  })

  it('ends at once where it can’t serve metrics, and says why', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    try {
      const ended = await watch('--prometheus', String(port))
      expect(ended.code).toBe(2)
      expect(ended.stderr).toContain(`127.0.0.1:${port} can't be listened on (EADDRINUSE)`)
    } finally {
      taken.close()
    }
  })
})
