import { afterEach, describe, expect, it } from 'vitest'
import { probeCapabilities } from '../../../agent/engines/capabilities.ts'
import { type HttpDouble, httpDouble } from '../../support/http-double.ts'

const open: HttpDouble[] = []
afterEach(async () => {
  for (const double of open.splice(0)) await double.close()
})

async function trouble(body: string): Promise<string | null> {
  const double = await httpDouble((path) => (path === '/tokenize' ? 404 : body))
  open.push(double)
  const endpoint = { base_url: `${double.url}/v1`, headers: {} }
  const engine = { api: 'chat', options: {} } as const
  const found = await probeCapabilities(endpoint, 'm', engine, new AbortController().signal, 10)
  return found.trouble
}

describe('a probe', () => {
  it('names a page, JSON lines and an error of the older form as what they are', async () => {
    expect(await trouble('<!doctype html><title>Sign in</title>')).toContain(
      'a page in the place of a completion; check engine.base_url',
    )
    expect(await trouble('{"response":"a"}\n{"response":"b"}\n')).toContain(
      'JSON lines in the place of server-sent events',
    )
    expect(await trouble('data: {"object":"error","message":"no memory"}\n\n')).toContain(
      'no memory',
    )
  })

  it('has no trouble with a stream that ends properly', async () => {
    const stream =
      'data: {"choices":[{"index":0,"delta":{"content":"a b"},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
    expect(await trouble(stream)).toBeNull()
  })
})
