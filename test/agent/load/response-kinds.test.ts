import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readBody, SSE } from './read-body.ts'
import { ENDED_CASES, ERROR_CASES, OTHER_CASES, type ResponseCase } from './response-cases.ts'

const read = ({ body, type, status = 200 }: ResponseCase) =>
  readBody([Buffer.from(body)], {
    status,
    headers: type === undefined ? SSE : { 'content-type': type },
  })

describe('a failure that an engine reports with HTTP 200', () => {
  it.each(ERROR_CASES)('$name', async (c) => {
    expect(await read(c)).toMatchObject(c.expected)
  })
})

describe('a recorded error of an engine', () => {
  const root = fileURLToPath(new URL('../../fixtures/streams/', import.meta.url))
  const recorded = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /error-[a-z-]+\.txt$/.test(path))
    .map((path) => {
      const [, status, body] =
        /^HTTP\/1\.1 (\d+)[^\n]*\n([\s\S]*)$/.exec(readFileSync(root + path, 'utf8')) ?? []
      return { path, status: Number(status), body: body ?? '' }
    })
    .filter(({ status }) => status >= 400)

  it('is there of every engine that was recorded', () => {
    const engines = new Set(recorded.map(({ path }) => path.split('/')[0]))
    expect([...engines].sort()).toEqual([
      'llama-cpp-python',
      'llama-server',
      'transformers-serve',
      'vllm-cpu',
      'vllm-cpu-dummy',
    ])
  })

  it.each(recorded)('$path is a failure in the words of the engine', async ({ status, body }) => {
    const row = await readBody([Buffer.from(body)], { status })
    expect(row).toMatchObject({
      outcome: 'error',
      error_layer: 'http',
      error_code: `http_${status}`,
      output_tokens: 0,
    })
    // One line without the JSON around it; FastAPI's list of faults stays JSON.
    expect(row.error_message).toMatch(/^[^{]/)
    // The same body with HTTP 200 is a failure too.
    const with_200 = await readBody([Buffer.from(body)])
    expect(with_200.outcome).toBe('error')
  })
})

describe('a response of another kind is reported as what it is', () => {
  it.each(OTHER_CASES)('$name', async (c) => {
    expect(await read(c)).toMatchObject(c.expected)
  })

  it('shows the content type and the beginning of the body', async () => {
    const [page] = OTHER_CASES as [ResponseCase]
    expect((await read(page)).error_message).toBe(
      'HTTP 200 with a page in the place of a completion; check engine.base_url (text/html; charset=utf-8): <!doctype html> <title>Sign in</title> <p>Please sign in.</p>',
    )
  })
})

describe('a response that ended properly', () => {
  it.each(ENDED_CASES)('$name', async (c) => {
    expect(await read(c)).toMatchObject(c.expected)
  })

  it('is not spoilt by fields of an error that are empty', async () => {
    const body =
      'data: {"error":null,"choices":[{"index":0,"text":"ab","finish_reason":"length","error":null}],"usage":{"completion_tokens":2}}\n\n'
    expect(await readBody([Buffer.from(body)])).toMatchObject({ outcome: 'ok', output_tokens: 2 })
  })
})
