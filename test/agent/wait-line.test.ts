import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createReporter } from '../../agent/progress.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

function reporterOn(isTTY: boolean) {
  const stream = new PassThrough()
  const written = () => String(stream.read() ?? '')
  const out = Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream
  return { reporter: createReporter(out, false), written }
}

describe('a wait', () => {
  it('is a line after 5 s, and again every 30 s, with what it waits for and its limit', () => {
    const { reporter, written } = reporterOn(false)
    let doing = 'loading'
    const end = reporter.wait(() => `the engine (${doing})`, 300)
    vi.advanceTimersByTime(4000)
    expect(written()).toBe('')
    vi.advanceTimersByTime(1000)
    expect(written()).toBe('Waiting for the engine (loading) (5 s, 300 s at most).\n')
    doing = 'sending a first request'
    vi.advanceTimersByTime(29_000)
    expect(written()).toBe('')
    vi.advanceTimersByTime(1000)
    expect(written()).toBe(
      'Waiting for the engine (sending a first request) (35 s, 300 s at most).\n',
    )
    end()
    vi.advanceTimersByTime(60_000)
    expect(written()).toBe('')
  })

  it('is shown each second on a terminal, and leaves nothing there', () => {
    const { reporter, written } = reporterOn(true)
    const end = reporter.wait('the weights of m', null)
    vi.advanceTimersByTime(2000)
    expect(written()).toBe(
      '\r\x1b[KWaiting for the weights of m (1 s).\r\x1b[KWaiting for the weights of m (2 s).',
    )
    end()
    expect(written()).toBe('\r\x1b[K')
  })
})

describe('a phase that takes long', () => {
  it('is a line every 30 s where there is no terminal', () => {
    const { reporter, written } = reporterOn(false)
    reporter.phase('measure', null)
    written()
    for (let s = 0; s < 29; s++) {
      vi.advanceTimersByTime(1000)
      reporter.progress(0, `${s} done`)
    }
    expect(written()).toBe('')
    vi.advanceTimersByTime(1000)
    reporter.progress(0.1, '31 done')
    reporter.progress(0.1, '32 done')
    expect(written()).toBe('measure  31 done\n')
  })
})
