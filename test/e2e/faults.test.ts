import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AGENT, type Ended, type Home, makeHome, run, SERVER } from '../support/programs.ts'
import { ROOT } from '../support/root.ts'

let home: Home
beforeEach(() => {
  home = makeHome()
})
afterEach(() => home.remove())

const ENGINE = join(ROOT, 'test/support/openai-server.mjs')

/** A started server of the OpenAI kind that goes wrong in the given way after six good answers. */
function study(mode: string, more: Record<string, unknown> = {}): string {
  const path = join(home.dir, 'study.json')
  const config = {
    name: mode,
    model: 'double',
    engine: {
      name: 'openai',
      launcher: 'command',
      command: [process.execPath, ENGINE, '--port', '{port}', '--mode', mode],
      base_url: 'http://127.0.0.1:{port}/v1',
      ready_timeout_s: 5,
    },
    load: { concurrency: 2, requests: 30, timeout_s: 1 },
    data: { input_tokens: 16, output_tokens: 8 },
    phases: { baseline_s: 0, idle_s: 0, warmup: 0, drain_s: 1, cooldown_s: 0 },
    ...more,
  }
  writeFileSync(path, JSON.stringify(config))
  return path
}

const agent = (...args: string[]) => run(AGENT, args, home)

const codesOf = (ended: Ended): string[] =>
  (JSON.parse(ended.stdout) as { runs: { findings: { code: string }[] }[] }).runs.flatMap((r) =>
    r.findings.map((f) => f.code),
  )

describe('a study', () => {
  it('of which one run is refused gives the document of those that were finished', async () => {
    const config = study('ok', {
      repeat: { cycles: 1, order: 'fixed', pause_s: 0 },
      sweep: { devices: [null, ['GPU-none']] },
    })
    const ended = await agent('run', config, '--json')
    expect(ended.code, ended.stderr).toBe(2)
    expect(ended.stderr).toContain('GPU-none')
    const { runs, comparison } = JSON.parse(ended.stdout)
    expect(runs).toHaveLength(1)
    expect(comparison).toBeNull()
  }, 60_000)
})

describe('an engine', () => {
  it('that works is measured, started and stopped', async () => {
    const ended = await agent('run', study('ok'), '--json')
    expect([0, 3], ended.stderr).toContain(ended.code)
    const [summary] = JSON.parse(ended.stdout).runs
    expect(
      summary.metrics['requests_completed@run']?.value ?? summary.metrics.requests_completed.value,
    ).toBeGreaterThan(20)
  }, 60_000)

  it.each(['http-500', 'error-in-stream', 'aborts', 'no-tokens', 'hang'])(
    'that answers with %s has its failures counted, and the result is invalid',
    async (mode) => {
      const ended = await agent('run', study(mode), '--json')
      expect(ended.code, ended.stderr).toBe(3)
      expect(codesOf(ended)).toContain('failures_above_threshold')
    },
    60_000,
  )

  it('that reports counts which no response can have gives a document without them, and invalid', async () => {
    const ended = await agent('run', study('huge-counts'), '--json')
    expect(ended.code, ended.stderr).toBe(3)
    expect(ended.stderr).not.toContain('    at ')
    expect(codesOf(ended)).toContain('unbelievable_count')
    const [{ metrics }] = JSON.parse(ended.stdout).runs
    // 30 requests of 8 tokens, counted by chunk where the engine's count can not be believed.
    const tokens = metrics['output_tokens@run']?.value ?? metrics.output_tokens.value
    expect(tokens).toBeGreaterThan(0)
    expect(tokens).toBeLessThanOrEqual(240)
    for (const { value } of Object.values(metrics) as { value: number | null }[])
      if (value !== null) expect(Math.abs(value)).toBeLessThan(2 ** 31)
  }, 60_000)

  it('that leaves connections open after [DONE] loses no request', async () => {
    const ended = await agent('run', study('open-after-done'), '--json')
    expect([0, 3], ended.stderr).toContain(ended.code)
    expect(codesOf(ended)).not.toContain('failures_above_threshold')
  }, 60_000)

  it('that never responds to the probe of lengths ends the run within the time-out of a request', async () => {
    const ended = await agent('run', study('no-length'), '--json')
    expect(ended.code, ended.stderr).toBe(1)
    expect(ended.stderr).toContain('/v1/completions has sent no whole response within 1 s')
    expect(codesOf(ended)).toContain('run_failed')
  }, 60_000)

  it('that dies ends the run as failed, with its exit code, and keeps what was recorded', async () => {
    const ended = await agent('run', study('dies'), '--json')
    expect(ended.code, ended.stderr).toBe(1)
    expect(ended.stderr).toMatch(/engine|server|command/i)
    expect(codesOf(ended)).toContain('run_failed')
    expect(readdirSync(join(home.dir, 'state/llem/spool'))).toEqual([])
  }, 60_000)

  it('that exits at once is told by its own last words', async () => {
    const ended = await agent('run', study('exits'), '--json')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('CUDA error: out of memory')
  }, 60_000)

  it('that never gets ready is given up with a sentence', async () => {
    const ended = await agent('run', study('never-ready'), '--json')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/5 s/)
  }, 60_000)

  it('of which every request fails gives a summary and exit 3', async () => {
    const ended = await agent('run', study('long-fails'), '--json')
    expect(ended.code, ended.stderr).toBe(3)
    expect(codesOf(ended)).toContain('all_requests_failed')
  }, 60_000)

  it('that is not there is one sentence', async () => {
    const ended = await agent(
      'run',
      study('ok', {
        engine: { name: 'openai', base_url: 'http://127.0.0.1:9/v1', ready_timeout_s: 1 },
      }),
      '--json',
    )
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('127.0.0.1:9')
    expect(ended.stderr).not.toContain('    at ')
  }, 60_000)
})

describe('a file that is no model', () => {
  it.each([
    ['is not there', null],
    ['is empty', Buffer.alloc(0)],
    ['is cut short', Buffer.from('GGUF\x03\0\0\0\xff\0\0\0', 'latin1')],
    ['is something else', Buffer.from('hello, I am a text file')],
  ])(
    'because it %s is refused by its path',
    async (_, bytes) => {
      const path = join(home.dir, 'model.gguf')
      if (bytes) writeFileSync(path, bytes)
      const ended = await agent('run', 'quick-test', '--set', `model.path=${path}`, '--json')
      expect([1, 2]).toContain(ended.code)
      expect(ended.stderr).toContain(path)
      expect(ended.stderr).not.toContain('    at ')
      expect(ended.stdout).toBe('')
    },
    60_000,
  )
})

describe('a database', () => {
  it('that is not SQLite is refused and left as it was', async () => {
    writeFileSync(home.db, 'these are my holiday notes, not a database at all')
    const ended = await agent('run', study('ok'), '--json')
    expect([1, 2]).toContain(ended.code)
    expect(ended.stderr).toContain(home.db)
    expect(ended.stderr).not.toContain('    at ')
  }, 60_000)

  it('whose directory is not there is one sentence', async () => {
    const ended = await agent('run', study('ok'), '--db', 'no/such/dir/llem.db', '--json')
    expect([1, 2]).toContain(ended.code)
    expect(ended.stderr).toContain('no/such/dir')
    expect(ended.stderr).not.toContain('    at ')
  }, 60_000)
})

describe('a port', () => {
  it('that is in use is one sentence', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const ended = await run(SERVER, ['serve', '--port', String(port), '--db', 'x.db'], home)
    taken.close()
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain(String(port))
    expect(ended.stderr).not.toContain('    at ')
  })
})

describe('a spool', () => {
  it('that can not be written is one sentence, before anything is measured', async () => {
    // A file where the directory should be stops root as well.
    mkdirSync(join(home.dir, 'state/llem'), { recursive: true })
    writeFileSync(join(home.dir, 'state/llem/spool'), '')
    const ended = await agent('run', study('ok'), '--json')
    expect(ended.code).toBe(1)
    expect(ended.stderr).toContain('spool')
    expect(ended.stderr).not.toContain('    at ')
  }, 60_000)
})

describe('a folder for the results', () => {
  it('that holds a run already is refused before anything is measured', async () => {
    mkdirSync(join(home.dir, 'out'))
    writeFileSync(join(home.dir, 'out/run.json'), '{}')
    const ended = await agent('run', study('ok'), '--out', 'out', '--json')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('holds a run already')
    expect(ended.stderr).not.toContain('baseline')
  })

  it('that can not be made is refused before anything is measured', async () => {
    writeFileSync(join(home.dir, 'file'), '')
    const ended = await agent('run', study('ok'), '--out', 'file/out', '--json')
    expect(ended.code).toBe(2)
    expect(ended.stderr).toContain('file/out')
    expect(ended.stderr).not.toContain('    at ')
  })
})
