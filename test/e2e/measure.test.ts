import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { procStat } from '../../agent/proc-stat.ts'
import { childrenOf } from '../../agent/process-tree.ts'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import type { EventRow } from '../../analysis/schema/stream.ts'
import { type Summary, summarySchema } from '../../analysis/schema/summary.ts'
import { readBundle } from '../../server/bundle/read-bundle.ts'
import { AGENT, type Ended, type Home, makeHome, run, SERVER, start } from '../support/programs.ts'

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

/** Short phases: what is tested is what happens, not how sure the joules are. */
const SHORT = ['--baseline', '0.2', '--set', 'phases.cooldown_s=0.3']
const measure = (...args: string[]) => run(AGENT, ['measure', ...SHORT, ...args], home)
const summaryOf = (ended: Ended): Summary =>
  summarySchema.parse((JSON.parse(ended.stdout) as { runs: unknown[] }).runs[0])
const runJson = (dir: string) => JSON.parse(readFileSync(join(home.dir, dir, 'run.json'), 'utf8'))

function eventsOf(dir: string): readonly EventRow[] {
  const { run: described, chunks } = readBundle(join(home.dir, dir))
  return decodeRun(
    described.file,
    chunks.map((c) => ({ ...c, bytes: c.read() })),
  ).events
}

/** False too of a process that has ended and that nobody has waited for. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Starts the agent and waits until it has said something. */
async function saying(words: string, args: readonly string[]) {
  const started = start(AGENT, ['measure', ...SHORT, ...args], home)
  let seen = ''
  await new Promise<void>((done) =>
    started.child.stderr?.on('data', (part) => {
      seen += part
      if (seen.includes(words)) done()
    }),
  )
  return started
}

describe('llem-agent measure', () => {
  it('measures a program from its start to its end, as a run is measured', async () => {
    const ended = await measure('--out', 'out', '--json', '--', 'sh', '-c', 'echo mine; sleep 0.5')
    expect(ended.stderr).toContain('mine\n')
    const summary = summaryOf(ended)
    expect(ended.code, ended.stderr).toBe(summary.valid ? 0 : 3)
    expect(summary.name).toBe('sh -c echo mine; sleep 0.5')
    expect(summary.window).toMatchObject({ rule: 'phase' })
    expect(summary.window?.duration_s).toBeGreaterThan(0.5)
    expect(summary.metrics['energy_per_output_token_j']).toMatchObject({ value: null })
    expect(summary.metrics['energy_compute_j']?.value).not.toBe(0)
    const { run: recorded, processes, environment } = runJson('out')
    expect(recorded).toMatchObject({
      outcome: 'completed',
      experiment: { kind: 'measure', command: ['sh', '-c', 'echo mine; sleep 0.5'] },
    })
    expect(recorded.phases.map((p: { phase: string }) => p.phase)).toEqual([
      'baseline',
      'measure',
      'cooldown',
    ])
    expect(processes.map((p: { role: string }) => p.role)).toContain('worker')
    expect(environment.program).toMatchObject({ exit_code: 0, signal: null })
    const shown = await run(SERVER, ['runs', '--json'], home)
    expect(JSON.parse(shown.stdout).runs[0]).toMatchObject({
      name: 'sh -c echo mine; sleep 0.5',
      model: null,
      engine: null,
    })
  })

  it('leaves standard input and output to the program', async () => {
    const ended = await run(AGENT, ['measure', ...SHORT, '--no-server', '--', 'cat'], home, {
      input: 'through',
    })
    expect(ended.stdout).toContain('through')
    expect(ended.code, ended.stderr).toBe(0)
  })

  it('takes options behind the command for the command’s own', async () => {
    const ended = await measure('--no-server', 'sh', '-c', 'echo "$0 $1"', '--json', '--out')
    expect(ended.stdout).toContain('--json --out\n')
  })

  it('exits 1 when the program fails, and keeps its exit code and what was recorded', async () => {
    const ended = await measure('--out', 'out', '--json', '--', 'sh', '-c', 'exit 7')
    expect(ended.code, ended.stderr).toBe(1)
    expect(ended.stderr).toContain('failed: sh ended with exit code 7')
    expect(summaryOf(ended)).toMatchObject({ valid: false })
    expect(runJson('out')).toMatchObject({
      run: { outcome: 'failed', reason: 'sh ended with exit code 7' },
      environment: { program: { exit_code: 7 } },
    })
  })

  it('passes a signal on to the program, seals what was recorded and exits 130', async () => {
    const started = await saying('ready', [
      ...['--out', 'out', '--no-server', '--', 'sh', '-c'],
      'trap "echo caught; exit 0" TERM; echo ready >&2; while :; do sleep 0.05; done',
    ])
    started.child.kill('SIGTERM')
    const ended = await started.ended
    expect(ended.stdout).toContain('caught')
    expect(ended.code).toBe(130)
    expect(runJson('out').run).toMatchObject({ outcome: 'interrupted' })
  })

  it('kills a program that does not end by the second signal, and ends at once', async () => {
    const started = await saying('ready', [
      ...['--no-server', '--', 'sh', '-c'],
      'trap "" TERM INT; echo ready $$ >&2; while :; do sleep 0.05; done',
    ])
    started.child.kill('SIGTERM')
    await new Promise((r) => setTimeout(r, 100))
    started.child.kill('SIGTERM')
    const ended = await started.ended
    expect(ended.code).toBe(130)
    const pid = Number(/ready (\d+)/.exec(ended.stderr)?.[1])
    expect(isRunning(pid)).toBe(false)
  })

  it('kills what runs below the program by the second signal too, and says so', async () => {
    const started = await saying('ready', [
      ...['--baseline', '0', '--no-server', '--', 'sh', '-c'],
      'trap "" INT; sleep 33 & sh -c "sleep 34; true" & echo ready >&2; wait; true',
    ])
    const sleeping = () =>
      childrenOf(started.child.pid as number).filter((pid) => procStat(pid)?.name === 'sleep')
    while (sleeping().length < 2) await new Promise((r) => setTimeout(r, 10))
    const below = sleeping()
    started.child.kill('SIGINT')
    await new Promise((r) => setTimeout(r, 100))
    started.child.kill('SIGINT')
    const ended = await started.ended
    expect(ended.code).toBe(130)
    expect(ended.stderr).toContain('Ctrl-C again kills it and all that runs below it.')
    expect(ended.stderr).toContain('Killed the program and 3 processes below it. Stopped at once.')
    expect(below.filter(isRunning)).toEqual([])
  })

  it('records the windows that the program marks, however they are marked', async () => {
    const ended = await measure(
      ...['--windows', 'w.sock', '--out', 'out', '--no-server', '--', 'python3', '-c'],
      `
import os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["LLEM_WINDOWS"])
s.sendall(b'{"begin":"a","id":1}\\n{"end":1,"tokens":3}\\nrubbish\\n{"end":9}\\n{"begin":"b","id":2}\\n')
`,
    )
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('w.sock is not JSON')
    expect(ended.stderr).toContain('1 of 2 windows were not ended')
    const codes = eventsOf('out').filter((e) => e.code?.startsWith('window'))
    expect(codes.map((e) => e.code)).toEqual([
      'window_begin',
      'window_end',
      'window_error',
      'window_error',
      'window_begin',
      'windows_received',
    ])
    expect(JSON.parse(codes.at(-1)?.detail ?? '')).toEqual({
      clients: 1,
      windows: 2,
      open: 1,
      errors: 2,
    })
  })

  it('serves windows alone until Ctrl-C, which is then a good end', async () => {
    const args = ['--windows', 'w.sock', '--out', 'out', '--no-server']
    const started = await saying('Windows are taken at', args)
    const socket = connect(join(home.dir, 'w.sock'))
    await new Promise<void>((done) => socket.end('{"begin":"a","id":1}\n{"end":1}\n', done))
    await new Promise((r) => setTimeout(r, 200))
    started.child.kill('SIGINT')
    const ended = await started.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(eventsOf('out').map((e) => e.code)).toContain('window_end')
    expect(runJson('out').run).toMatchObject({
      outcome: 'completed',
      experiment: { command: null },
    })
  })

  it.each([
    [[], 'COMMAND: is missing'],
    [['--', 'no-such-program'], 'there is no program "no-such-program" in PATH'],
    [['--set', 'load.concurrency=2', '--', 'true'], '--set load.concurrency: is not for'],
    [['--set', 'sensors.interval_ms=1', '--', 'true'], 'sensors.interval_ms: is 1'],
    [['--baseline', 'x', '--', 'true'], 'It must be seconds'],
    [['--windows', '/proc/x/y', '--', 'true'], 'would lie in /proc/x, which is no folder'],
    [['--server', 'http://127.0.0.1:9', '--', 'true'], 'can never be reached'],
  ])('%j is refused in a sentence, exit 2', async (args, words) => {
    const ended = await run(AGENT, ['measure', ...args], home)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain(words)
    expect(ended.stderr).not.toContain('    at ')
  })
})
