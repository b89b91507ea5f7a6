import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunningEngine } from '../../../agent/engines/engine.ts'
import { freePort } from '../../../agent/engines/free-port.ts'
import { engineOf } from '../../../agent/engines/list.ts'
import { createRequestSource } from '../../../agent/load/request-source.ts'
import { isAlive as isProcessAlive } from '../../../agent/process-alive.ts'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'

const STAND_IN = fileURLToPath(new URL('./stand-in-engine.mjs', import.meta.url))
const openai = engineOf('openai')
let stateDir: string
const running: RunningEngine[] = []
const children: ChildProcess[] = []
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'llem-openai-'))
})
afterEach(async () => {
  for (const engine of running.splice(0)) await engine.stop()
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(stateDir, { recursive: true, force: true })
})

function options(engine: Record<string, unknown>) {
  return {
    experiment: experimentConfigSchema.parse({ model: 'm', engine: { name: 'openai', ...engine } }),
    signal: new AbortController().signal,
    say: () => {},
    progress: () => {},
    stateDir,
  }
}
async function start(engine: Record<string, unknown>): Promise<RunningEngine> {
  const o = options(engine)
  await openai.prepare(o)
  const started = await openai.start(o)
  running.push(started)
  return started
}
const command = (...flags: string[]) => ({
  launcher: 'command',
  base_url: 'http://127.0.0.1:{port}/v1',
  command: [process.execPath, STAND_IN, '{port}', ...flags],
})
// A zombie is dead: the first process of a container may reap nobody.
const isAlive = (pid: number) => isProcessAlive({ pid, started: null })
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500 && !(await what()); i++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await what()).toBe(true)
}

describe('an engine started by a command', () => {
  it('is ready after a real request, on a free port, and is stopped', async () => {
    const engine = await start(command('--slow'))
    expect(engine).toMatchObject({ local: true, computes_on: null })
    expect(engine.base_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/)
    expect(engine.info).toMatchObject({
      name: 'openai',
      model: 'm',
      model_info: { max_model_len: 77 },
    })
    expect(isAlive(engine.pid as number)).toBe(true)
    await engine.stop()
    expect(isAlive(engine.pid as number)).toBe(false)
  })

  it('is asked again without the fields that it refuses', async () => {
    const { info } = await start(command())
    // It names one at a time: return_token_ids.
    expect(info.capabilities).toMatchObject({
      fields: ['stream_options', 'ignore_eos', 'min_tokens'],
      stripped_fields: ['return_token_ids'],
      exact_length: true,
      token_prompts: false,
      tokenizer: false,
    })
    const strict = await start(command('--strict'))
    expect(strict.info.capabilities).toMatchObject({
      fields: [],
      exact_length: false,
      streams: true,
    })
  })

  it('that exits at once gives its last words', async () => {
    await expect(start(command('--fails'))).rejects.toThrow(
      /ended before it was ready \(exit code 3\)\. Its last words: RuntimeError: CUDA driver version is insufficient \(log: /,
    )
  })

  it('that is never ready is given up after ready_timeout_s, and stopped', async () => {
    await expect(start({ ...command('--never'), ready_timeout_s: 0.5 })).rejects.toThrow(
      /was not ready within 0\.5 s \(HTTP 503\); raise engine\.ready_timeout_s/,
    )
  })

  it('that answers HTTP 500 or nothing is told with its words, and left to the load to judge', async () => {
    const broken = await start(command('--broken'))
    expect(broken.info.capabilities.trouble).toMatch(
      /HTTP 500 to a two-token request: .*CUDA out of memory/,
    )
    const empty = await start(command('--empty'))
    expect(empty.info.capabilities.trouble).toMatch(
      /HTTP 200 and no tokens \(HTTP 200 with an empty body\)/,
    )
    await Promise.all([broken.stop(), empty.stop()])
  })

  it('that can not be run gives a sentence', async () => {
    await expect(start({ ...command(), command: ['no-such-engine', '{port}'] })).rejects.toThrow(
      'engine.command is no-such-engine ..., and there is no such program in PATH',
    )
  })

  it('needs its port free', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    try {
      await expect(
        start({ ...command(), base_url: `http://127.0.0.1:${port}/v1` }),
      ).rejects.toThrow(new RegExp(`Port ${port} of engine\\.base_url is in use already`))
    } finally {
      server.close()
    }
  })

  it('is killed with its whole group when it ignores TERM', { timeout: 20_000 }, async () => {
    const engine = await start({
      ...command(),
      // Two processes: the shell, and the server that ignores TERM.
      command: ['sh', '-c', `${process.execPath} ${STAND_IN} {port} --stubborn; true`],
    })
    const pid = engine.pid as number
    await engine.stop()
    expect(isAlive(pid)).toBe(false)
  })

  it('tells when it ends by itself', async () => {
    const engine = await start(command())
    process.kill(engine.pid as number, 'SIGKILL')
    expect(await engine.died).toMatch(/The engine ended by itself \(SIGKILL\)/)
  })

  it('does not outlive an agent that is killed', async () => {
    const script = `
      import { engineOf } from ${JSON.stringify(fileURLToPath(new URL('../../../agent/engines/list.ts', import.meta.url)))}
      import { experimentConfigSchema } from ${JSON.stringify(fileURLToPath(new URL('../../../analysis/schema/experiment.ts', import.meta.url)))}
      const experiment = experimentConfigSchema.parse({ model: 'm', engine: ${JSON.stringify({ name: 'openai', ...command() })} })
      const engine = await engineOf('openai').start({ experiment, signal: new AbortController().signal, say() {}, stateDir: ${JSON.stringify(stateDir)} })
      console.log(engine.pid)
      setInterval(() => {}, 1000)`
    const agent = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    children.push(agent)
    const pid = Number(
      await new Promise<string>((resolve) => agent.stdout?.once('data', (d) => resolve(String(d)))),
    )
    expect(isAlive(pid)).toBe(true)
    agent.kill('SIGKILL')
    await until(() => !isAlive(pid))
  })
})

describe('an engine that runs already', () => {
  async function run(...flags: string[]): Promise<{ base_url: string; pid: number }> {
    const port = await freePort()
    const child = spawn(process.execPath, [STAND_IN, String(port), ...flags], { stdio: 'ignore' })
    children.push(child)
    const base_url = `http://127.0.0.1:${port}/v1`
    await until(() =>
      fetch(`${base_url}/models`).then(
        () => true,
        () => false,
      ),
    )
    return { base_url, pid: child.pid as number }
  }

  it('is attached to, its process found by its port, and left running', async () => {
    const { base_url, pid } = await run()
    const engine = await start({ base_url: `${base_url}/` })
    expect(engine).toMatchObject({ base_url, pid, local: true })
    await engine.stop()
    expect(isAlive(pid)).toBe(true)
    expect(await readdir(stateDir)).toEqual([])
  })

  it('that is not there gives a sentence', async () => {
    await expect(
      start({ base_url: `http://127.0.0.1:${await freePort()}/v1`, ready_timeout_s: 0.3 }),
    ).rejects.toThrow(/not ready within 0\.3 s \(.*ECONNREFUSED\)/)
  })

  it('gets its key from the environment, and a sentence says when it is missing or wrong', async () => {
    const { base_url } = await run('--key')
    await expect(start({ base_url, api_key_env: 'LLEM_TEST_KEY' })).rejects.toThrow(
      /LLEM_TEST_KEY, which is not set/,
    )
    process.env['LLEM_TEST_KEY'] = 'secret'
    try {
      expect((await start({ base_url, api_key_env: 'LLEM_TEST_KEY' })).headers).toEqual({
        authorization: 'Bearer secret',
      })
    } finally {
      delete process.env['LLEM_TEST_KEY']
    }
  })

  it('without a tokenizer gets prompts of exact length by the counts of its usage', async () => {
    const { base_url } = await run()
    for (const [api, overhead] of [
      ['completions', 0],
      ['chat', 9],
    ] as const) {
      const o = options({ base_url, api })
      const experiment = { ...o.experiment, data: { ...o.experiment.data, input_tokens: 40 } }
      const engine = await openai.start({ ...o, experiment })
      const source = await createRequestSource(experiment, engine, new AbortController().signal)
      const { prompt, requested_input_tokens } = await source.request('measure', 3)
      expect(requested_input_tokens).toBe(40)
      // The stand-in counts words, and 9 more for a conversation.
      expect(String(prompt).trim().split(' ')).toHaveLength(40 - overhead)
    }
  })

  it('refuses prompts below what the template takes, with the least that can be asked', async () => {
    const { base_url } = await run()
    const o = options({ base_url, api: 'chat' })
    const experiment = { ...o.experiment, data: { ...o.experiment.data, input_tokens: 9 } }
    const engine = await openai.start({ ...o, experiment })
    await expect(
      createRequestSource(experiment, engine, new AbortController().signal),
    ).rejects.toThrow(
      /data\.input_tokens is 9, yet the engine adds 9 tokens to each prompt \(api: chat\); ask for at least 10/,
    )
  })
})
