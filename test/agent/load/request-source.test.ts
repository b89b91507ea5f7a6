import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineCapabilities, RunningEngine } from '../../../agent/engines/engine.ts'
import { createRequestSource } from '../../../agent/load/request-source.ts'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

interface Vocabulary {
  /** Tokens of a text. */
  readonly tokens: (text: string) => number
  readonly overhead?: number
  readonly tellsUsage?: boolean
  readonly tokenizer?: boolean
}

/** An engine that counts tokens in its own way. */
async function engine(vocabulary: Vocabulary): Promise<RunningEngine> {
  const { tokens, overhead = 0, tellsUsage = true, tokenizer = false } = vocabulary
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += String(part)
    const body = JSON.parse(text) as { prompt: string | number[] }
    if (request.url === '/tokenize') {
      const words = String(body.prompt).trim().split(' ')
      response.end(JSON.stringify({ tokens: words.map((_, i) => 1000 + (i % 300)) }))
      return
    }
    const n =
      (typeof body.prompt === 'string' ? tokens(body.prompt) : body.prompt.length) + overhead
    response.end(
      JSON.stringify({ choices: [], ...(tellsUsage ? { usage: { prompt_tokens: n } } : {}) }),
    )
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const capabilities: EngineCapabilities = {
    fields: [],
    stripped_fields: [],
    max_tokens_field: 'max_tokens',
    streams: true,
    exact_length: true,
    token_prompts: tokenizer,
    tokenizer,
    trouble: null,
  }
  return {
    base_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    headers: {},
    info: {
      name: 'openai',
      version: null,
      model: 'm',
      model_info: {},
      batch_limit: null,
      capabilities,
    },
    pid: null,
    local: true,
    computes_on: null,
    died: new Promise(() => {}),
    stop: async () => {},
  }
}
const words = (text: string) => text.trim().split(/ +/).length
function experiment(input_tokens: unknown, seed = 1) {
  return experimentConfigSchema.parse({
    engine: { name: 'openai', base_url: 'http://127.0.0.1:1/v1' },
    data: { input_tokens, output_tokens: 5 },
    load: { seed },
  })
}
async function prompts(
  e: RunningEngine,
  input_tokens: unknown,
  n: number,
  seed = 1,
): Promise<(string | readonly number[])[]> {
  const source = await createRequestSource(
    experiment(input_tokens, seed),
    e,
    new AbortController().signal,
  )
  return Promise.all(
    Array.from({ length: n }, async (_, i) => (await source.request('measure', i)).prompt),
  )
}

describe('synthetic requests', () => {
  it('are token ids of exact length where the engine takes them', async () => {
    const [prompt] = await prompts(await engine({ tokens: words, tokenizer: true }), 50, 1)
    expect(prompt).toHaveLength(50)
    expect((prompt as number[]).every((id) => id >= 1000 && id < 1300)).toBe(true)
  })

  it('leave out what the engine adds to token ids too', async () => {
    const [prompt] = await prompts(
      await engine({ tokens: words, tokenizer: true, overhead: 1 }),
      50,
      1,
    )
    expect(prompt).toHaveLength(49)
  })

  it('use only words that are one token each', async () => {
    // Here every word with an "e" is two tokens; the first sixteen words must still count right.
    const twice = new Set(['people', 'service', 'these', 'church', 'money', 'table'])
    const tokens = (text: string) =>
      text
        .trim()
        .split(/ +/)
        .reduce((n, word) => n + (twice.has(word) ? 2 : 1), 0)
    for (const prompt of await prompts(await engine({ tokens, overhead: 7 }), 200, 20)) {
      expect(tokens(String(prompt)) + 7).toBe(200)
      expect(
        String(prompt)
          .split(' ')
          .some((word) => twice.has(word)),
      ).toBe(false)
    }
  })

  it('use letters where the vocabulary holds little more than bytes', async () => {
    const e = await engine({ tokens: (text) => text.length })
    for (const prompt of await prompts(e, 40, 3)) expect(prompt).toMatch(/^[a-z]{40}$/)
  })

  it('assume one token a word where the engine tells no counts', async () => {
    const [prompt] = await prompts(await engine({ tokens: words, tellsUsage: false }), 30, 1)
    expect(words(String(prompt))).toBe(30)
  })

  it('assume one token a word where the counts fit neither words nor letters', async () => {
    const [prompt] = await prompts(await engine({ tokens: (text) => text.length * 2 }), 30, 1)
    expect(words(String(prompt))).toBe(30)
  })

  it('share no first token with their neighbours, and no beginning with any other', async () => {
    const all = await prompts(await engine({ tokens: words }), 8, 1500)
    const first = all.map((p) => String(p).trim().split(' ')[0])
    expect(first.every((word, i) => i === 0 || word !== first[i - 1])).toBe(true)
    expect(new Set(all.map((p) => String(p).trim().split(' ').slice(0, 4).join(' '))).size).toBe(
      1500,
    )
  })

  it('are the same for a seed whatever the order they are asked in, and others for another seed', async () => {
    const e = await engine({ tokens: words })
    const length = { dist: 'uniform', min: 5, max: 60 }
    const one = await prompts(e, length, 20)
    expect(await prompts(e, length, 20)).toEqual(one)
    const source = await createRequestSource(experiment(length), e, new AbortController().signal)
    expect((await source.request('measure', 13)).prompt).toEqual(one[13])
    expect((await source.request('warmup', 13)).prompt).not.toEqual(one[13])
    expect(await prompts(e, length, 20, 2)).not.toEqual(one)
  })

  it('have ids of their own, and the hash of their prompt', async () => {
    const source = await createRequestSource(
      experiment(9),
      await engine({ tokens: words }),
      new AbortController().signal,
    )
    const [a, again] = [await source.request('measure', 0), await source.request('measure', 0)]
    expect(a.request_id).not.toBe(again.request_id)
    expect(a.prompt_sha256).toBe(again.prompt_sha256)
    expect(a.prompt_sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(a.requested_output_tokens).toBe(5)
  })
})
