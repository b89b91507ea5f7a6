import { spawn } from 'node:child_process'
import { copyFile, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createClock } from '../../../agent/clock.ts'
import { ask } from '../../../agent/engines/ask.ts'
import { EngineError, type RunningEngine } from '../../../agent/engines/engine.ts'
import { engineOf } from '../../../agent/engines/list.ts'
import { RANDOM_SHAPES, writeRandomGguf } from '../../../agent/engines/random-gguf.ts'
import { readAnswerEvent } from '../../../agent/load/answer-event.ts'
import { createLoadGenerator } from '../../../agent/load/generator.ts'
import { createRequestSource } from '../../../agent/load/request-source.ts'
import { isAlive } from '../../../agent/process-alive.ts'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'

const embedded = engineOf('embedded')
const signal = new AbortController().signal
let dir: string
let path: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'llem-embedded-'))
  path = join(dir, 'tiny.gguf')
  await writeRandomGguf(path, RANDOM_SHAPES['random-tiny'], 1)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const running: RunningEngine[] = []
afterEach(async () => {
  for (const engine of running.splice(0)) await engine.stop()
})

interface Change {
  readonly engine?: Record<string, unknown>
  readonly load?: Record<string, unknown>
  readonly data?: Record<string, unknown>
  readonly phases?: Record<string, unknown>
  readonly path?: string
}
function options(change: Change = {}) {
  const experiment = experimentConfigSchema.parse({
    model: { id: 'tiny', path: change.path ?? path },
    engine: { name: 'embedded', ...change.engine },
    load: { concurrency: 2, requests: 6, ...change.load },
    data: { input_tokens: 24, output_tokens: 12, ...change.data },
    phases: change.phases,
  })
  return { experiment, signal, say: () => {}, progress: () => {}, stateDir: join(dir, 'state') }
}
async function start(change: Change = {}): Promise<RunningEngine> {
  const o = options(change)
  await embedded.prepare(o)
  const engine = await embedded.start(o)
  running.push(engine)
  return engine
}
async function measure(engine: RunningEngine, change: Change): Promise<RequestRow[]> {
  const { experiment } = options(change)
  const rows: RequestRow[] = []
  const generator = await createLoadGenerator({
    clock: createClock(),
    engine,
    experiment,
    source: await createRequestSource(experiment, engine, new AbortController().signal),
    worker: 0,
    onRequest: (row) => rows.push(row),
    onProgress: () => {},
    signal,
  })
  try {
    await generator.measure('measure')
  } finally {
    await generator.close()
  }
  return rows
}

describe('the embedded engine', () => {
  it('tells what it is, takes all but one core, and leaves nothing behind', async () => {
    const engine = await start()
    expect(engine).toMatchObject({ local: true, computes_on: 'cpu' })
    expect(engine.info).toMatchObject({
      name: 'embedded',
      model: 'tiny',
      batch_limit: 2,
      model_info: {
        architecture: 'llama',
        parameters: 631_936,
        quantisation: 'Q8_0',
        layers: 4,
        bytes: (await stat(path)).size,
        path,
        synthetic_weights: true,
        threads: Math.max(1, availableParallelism() - 1),
        gpu: null,
      },
      capabilities: {
        exact_length: true,
        token_prompts: true,
        tokenizer: true,
        stripped_fields: [],
      },
    })
    const pid = engine.pid as number
    await engine.stop()
    expect(isAlive({ pid, started: null })).toBe(false)
    expect(await readdir(join(dir, 'state'))).toEqual([])
  })

  it.each(['completions', 'chat'])(
    'gives exact lengths by %s, one event a token, tokens by id',
    async (api) => {
      const change = { engine: { api }, data: { input_tokens: 64, output_tokens: 12 } }
      const rows = await measure(await start(change), change)
      expect(rows).toHaveLength(6)
      for (const row of rows) {
        expect(row).toMatchObject({
          outcome: 'ok',
          input_tokens: 64,
          output_tokens: 12,
          token_source: 'usage',
          finish_reason: 'length',
        })
        expect((row.chunk_tokens ?? []).filter((n) => n !== 0)).toEqual(Array(12).fill(1))
      }
      expect(new Set(rows.map((row) => row.prompt_sha256)).size).toBe(6)
    },
  )

  it('gives the same text for the same prompt, so that no history is left in a sequence', async () => {
    const engine = await start({ load: { concurrency: 1 } })
    const complete = async (prompt: number[]) =>
      (
        await ask(
          engine,
          '/completions',
          { prompt, max_tokens: 8, ignore_eos: true, return_token_ids: true },
          signal,
          60,
        )
      ).json
    const ids = (answer: unknown) =>
      (answer as { choices: { token_ids: number[] }[] }).choices[0]?.token_ids
    const first = ids(await complete([50, 51, 52, 53]))
    await complete([50, 51, 52, 60, 61])
    expect(ids(await complete([50, 51, 52, 53]))).toEqual(first)
    expect(first).toHaveLength(8)
  })

  it('tokenises and back', async () => {
    const engine = await start()
    const { json } = await ask(engine, 'root:/tokenize', { prompt: 'Hé the 😀' }, signal, 60)
    const back = await ask(
      engine,
      'root:/detokenize',
      { tokens: json?.['tokens'] as number[] },
      signal,
      60,
    )
    expect(back.json?.['content']).toBe('Hé the 😀')
  })

  it('refuses what it can not serve, with a sentence', async () => {
    const engine = await start()
    const refused = async (body: Record<string, unknown>) => {
      const answer = await ask(engine, '/completions', body, signal, 60)
      expect(answer.status).toBe(400)
      return readAnswerEvent(answer.json).error?.message
    }
    expect(await refused({ prompt: Array(300).fill(50), max_tokens: 10 })).toMatch(
      /prompt of 300 tokens and max_tokens 10 exceed the context of 256 tokens/,
    )
    expect(await refused({ prompt: [99_999] })).toBe('token 99999 is beyond the vocabulary of 320')
    expect(await refused({ prompt: '' })).toBe('the prompt is empty')
    expect(await refused({ prompt: 'a', n: 2 })).toBe('n: must be 1')
    expect(await refused({ prompt: 'a', max_tokens: 'x' })).toMatch(/^max_tokens: /)
    expect((await ask(engine, '/nothing', null, signal, 60)).status).toBe(404)
  })

  it('queues requests over its sequences, and ends the generation of a client that goes', async () => {
    const engine = await start({ load: { concurrency: 1 }, engine: { context_tokens: 4096 } })
    const gone = new AbortController()
    const long = { prompt: 'a', max_tokens: 4000, ignore_eos: true, stream: true }
    const response = await fetch(`${engine.base_url}/completions`, {
      method: 'POST',
      body: JSON.stringify(long),
      signal: gone.signal,
    })
    await response.body?.getReader().read()
    let over = false
    const second = ask(engine, '/completions', { prompt: 'b', max_tokens: 1 }, signal, 60).then(
      (answer) => {
        over = true
        return answer
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(over).toBe(false)
    gone.abort()
    // Were the first one still generating, this would take its 4000 tokens.
    expect((await second).status).toBe(200)
  })

  it('tells when it is killed', async () => {
    const engine = await start()
    process.kill(engine.pid as number, 'SIGKILL')
    expect(await engine.died).toMatch(/The embedded engine ended by itself \(SIGKILL\)/)
  })

  it('does not outlive an agent that is killed', async () => {
    const at = (file: string) =>
      JSON.stringify(fileURLToPath(new URL(`../../../${file}`, import.meta.url)))
    const script = `
      import { engineOf } from ${at('agent/engines/list.ts')}
      import { experimentConfigSchema } from ${at('analysis/schema/experiment.ts')}
      const experiment = experimentConfigSchema.parse({ model: { id: 'tiny', path: ${JSON.stringify(path)} } })
      const engine = await engineOf('embedded').start({ experiment, signal: new AbortController().signal, say() {}, stateDir: ${JSON.stringify(join(dir, 'state2'))} })
      console.log(engine.pid)`
    const agent = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const pid = Number(
      await new Promise((resolve) => agent.stdout?.once('data', (d) => resolve(String(d)))),
    )
    expect(isAlive({ pid, started: null })).toBe(true)
    agent.kill('SIGKILL')
    for (let i = 0; i < 250 && isAlive({ pid, started: null }); i++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(isAlive({ pid, started: null })).toBe(false)
  })

  it('names a truncated model file, and a context beyond what the model knows', async () => {
    const cut = join(dir, 'cut.gguf')
    await copyFile(path, cut)
    await truncate(cut, 600_000)
    await expect(embedded.prepare(options({ path: cut }))).rejects.toThrow(
      /cut\.gguf is truncated: \d+ bytes expected, 600000 there/,
    )
    await expect(embedded.prepare(options({ data: { input_tokens: 5000 } }))).rejects.toThrow(
      /data\.input_tokens and data\.output_tokens need 5012 tokens of context, yet .*tiny\.gguf was trained on 4096/,
    )
    await expect(
      embedded.prepare(options({ engine: { context_tokens: 64 }, data: { input_tokens: 100 } })),
    ).rejects.toThrow(/engine\.context_tokens is 64, yet .* need 112/)
  })

  it('says that a device is missing instead of taking the CPU', async () => {
    const failure = await start({ engine: { gpu: 'metal' } }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EngineError)
    expect(failure).toMatchObject({
      kind: 'config',
      message: expect.stringMatching(/engine\.gpu is metal, yet/),
    })
  })
})
