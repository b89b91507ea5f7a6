import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { probeCapabilities } from '../../../agent/engines/capabilities.ts'
import { waitUntilUp } from '../../../agent/engines/readiness.ts'
import { createRequestSource } from '../../../agent/load/request-source.ts'
import { experimentConfigSchema } from '../../../analysis/schema/experiment.ts'
import { type HttpDouble, httpDouble } from '../../support/http-double.ts'
import { quietEngine } from '../../support/running-engine.ts'

// An engine that takes each request and never responds.
let silent: HttpDouble
beforeEach(async () => {
  silent = await httpDouble(() => undefined)
})
afterEach(() => silent.close())

const base_url = () => `${silent.url}/v1`
const experiment = (timeout_s: number) =>
  experimentConfigSchema.parse({
    engine: { name: 'openai', base_url: base_url() },
    load: { timeout_s },
  })
const sourceOf = (timeout_s: number, signal: AbortSignal) =>
  createRequestSource(experiment(timeout_s), quietEngine({ base_url: base_url() }), signal)
const unending = new AbortController().signal

describe('an engine that never responds', () => {
  it('is given up at the first probe of lengths, after the time-out of a request', async () => {
    await expect(sourceOf(0.1, unending)).rejects.toThrow(
      `${base_url()}/completions has sent no whole response within 0.1 s; see whether the engine hangs, or raise load.timeout_s`,
    )
    expect(silent.asked).toEqual(['POST /v1/completions'])
  })

  it('is given up as soon as the user ends the run', async () => {
    const ended = new AbortController()
    const source = sourceOf(600, ended.signal)
    while (silent.asked.length === 0) await new Promise((r) => setTimeout(r, 5))
    ended.abort(new Error('interrupted'))
    await expect(source).rejects.toThrow('interrupted')
  })

  it('is given up at its first request, after the same time', async () => {
    const { engine } = experiment(0.1)
    const probed = probeCapabilities(
      { base_url: base_url(), headers: {} },
      'm',
      engine,
      unending,
      0.1,
    )
    await expect(probed).rejects.toThrow('has sent no whole response within 0.1 s')
    expect(silent.asked).toHaveLength(1)
  })

  it('is not waited for beyond ready_timeout_s, however long a single request may take', async () => {
    const up = waitUntilUp({
      endpoint: { base_url: base_url(), headers: {} },
      timeout_s: 0.3,
      signal: unending,
      exited: new Promise(() => {}),
      quote: () => '',
    })
    await expect(up).rejects.toThrow('was not ready within 0.3 s (nothing answered)')
    // /health, then /models: each of a poll of its own would take 10 s.
    expect(silent.asked).toEqual(['GET /health', 'GET /v1/models'])
  })
})
