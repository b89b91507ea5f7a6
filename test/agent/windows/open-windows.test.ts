import { describe, expect, it } from 'vitest'
import { createLineSplitter, MAX_LINE_BYTES } from '../../../agent/windows/line-splitter.ts'
import { createOpenWindows } from '../../../agent/windows/open-windows.ts'
import { readWindowLine, type WindowLine } from '../../../agent/windows/window-line.ts'

/** A run clock that began at 1 s of CLOCK_MONOTONIC, at `now` s of it. */
const clockAt = (now_s: number) => ({
  now: () => (now_s - 1) * 1e9,
  fromHrtime: (t: bigint) => Number(t - 1_000_000_000n),
})

const line = (value: unknown) => {
  const read = readWindowLine(JSON.stringify(value))
  if (typeof read === 'string') throw new Error(read)
  return read as WindowLine
}

describe('a line of the windows’ socket', () => {
  it('begins or ends a window', () => {
    expect(readWindowLine('{"begin":"prefill","id":1,"t_ns":5,"attributes":{"batch":8}}')).toEqual({
      begin: 'prefill',
      id: 1,
      t_ns: 5,
      attributes: { batch: 8 },
    })
    expect(readWindowLine('{"end":"a","tokens":3,"requests":1,"more":true}')).toEqual({
      end: 'a',
      tokens: 3,
      requests: 1,
    })
  })

  it.each([
    ['prefill', 'is not JSON'],
    ['[1]', 'has neither begin nor end'],
    ['{"begin":"","id":1}', 'has a bad begin'],
    ['{"begin":"x"}', 'has a bad id'],
    ['{"end":1.5,"tokens":-1}', 'has a bad end'],
    ['{"begin":"x","id":1,"attributes":{"a":[1]}}', 'has a bad attributes.a'],
  ])('%s is told in a sentence', (text, problem) => {
    expect(readWindowLine(text)).toContain(problem)
    expect(readWindowLine(text)).toContain('{"begin":"prefill"')
  })
})

describe('the end of a window', () => {
  it.each([
    ['-4', 'tokens -4'],
    ['1.5', 'tokens 1.5'],
    ['1e30', 'tokens 1e+30'],
    ['1e999', 'tokens Infinity'],
    ['"many"', 'tokens "many"'],
  ])('with tokens %s ends it without them, and the value is told', (tokens, told) => {
    const read = readWindowLine(`{"end":12,"tokens":${tokens},"requests":2}`)
    expect(read).toEqual({ end: 12, requests: 2, problem: expect.stringContaining(told) })
  })

  it('with two bad counts tells both', () => {
    const read = readWindowLine('{"end":12,"tokens":-4,"requests":0.5}')
    expect(read).toMatchObject({
      end: 12,
      problem: expect.stringMatching(/tokens -4 and requests 0.5,/),
    })
  })
})

describe('open windows', () => {
  it('take the program’s own stamp on the run clock', () => {
    const open = createOpenWindows(clockAt(3))
    expect(open.take(line({ begin: 'a', id: 7, t_ns: 2.5e9 }), 1)).toEqual({
      t_ns: 1.5e9,
      code: 'window_begin',
      detail: { name: 'a', id: 1, own_id: 7, client: 1, stamped_by: 'program' },
    })
    expect(open.take(line({ end: 7, t_ns: 2.75e9, tokens: 9 }), 1)).toEqual({
      t_ns: 1.75e9,
      code: 'window_end',
      detail: { id: 1, stamped_by: 'program', tokens: 9 },
    })
    expect(open.counts()).toEqual({ begun: 1, open: 0 })
  })

  it('are stamped at arrival where the program gives no time', () => {
    const event = createOpenWindows(clockAt(3)).take(line({ begin: 'a', id: 1 }), 1)
    expect(event).toMatchObject({ t_ns: 2e9, detail: { stamped_by: 'agent' } })
  })

  it.each([
    [1e9 - 1, 'before the start of the run'],
    [1.7e18, 'in the future'],
  ])('refuse another clock’s time %d, in a sentence', (t_ns, why) => {
    const said = createOpenWindows(clockAt(3)).take(line({ begin: 'a', id: 1, t_ns }), 1)
    expect(said).toContain(why)
    expect(said).toContain('time.monotonic_ns()')
  })

  it('of several clients may have the same ids, nested and overlapping', () => {
    const open = createOpenWindows(clockAt(3))
    const numbers = [
      open.take(line({ begin: 'outer', id: 1 }), 1),
      open.take(line({ begin: 'other', id: 1 }), 2),
      open.take(line({ begin: 'inner', id: 2 }), 1),
      open.take(line({ end: 1 }), 1),
      open.take(line({ end: 2 }), 1),
      open.take(line({ end: 1 }), 2),
    ].map((e) => (typeof e === 'string' ? e : e.detail['id']))
    expect(numbers).toEqual([1, 2, 3, 1, 3, 2])
  })

  it('refuse an id that is open and an end of what is not', () => {
    const open = createOpenWindows(clockAt(3))
    open.take(line({ begin: 'a', id: 1 }), 1)
    expect(open.take(line({ begin: 'b', id: 1 }), 1)).toContain('begins 1, which is open already')
    expect(open.take(line({ end: 2 }), 1)).toContain('ends 2, which is not open')
    expect(open.take(line({ end: '1' }), 1)).toContain('ends "1", which is not open')
    expect(open.take(line({ end: 1 }), 2)).toContain('ends 1, which is not open')
    expect(open.counts()).toEqual({ begun: 1, open: 1 })
  })

  it('of a client that has gone can be ended by any other: a shell sends each line by itself', () => {
    const open = createOpenWindows(clockAt(3))
    open.take(line({ begin: 'a', id: 'job' }), 1)
    open.clientGone(1)
    expect(open.take(line({ end: 'job' }), 2)).toMatchObject({ code: 'window_end' })
  })
})

describe('the line splitter', () => {
  const split = (...pieces: (string | Buffer)[]) => {
    const lines: (string | null)[] = []
    const splitter = createLineSplitter((l) => lines.push(l))
    for (const piece of pieces) splitter.take(Buffer.from(piece))
    splitter.end()
    return lines
  }

  it('cuts lines out of any pieces, also within a letter', () => {
    const bytes = Buffer.from('Größe\nzwei\r\n\n\nlast')
    expect(split(...[...bytes].map((b) => Buffer.from([b])))).toEqual(['Größe', 'zwei', 'last'])
    expect(split(bytes)).toEqual(['Größe', 'zwei', 'last'])
  })

  it('gives up a line that is too long, once, and goes on with the next', () => {
    const long = 'x'.repeat(MAX_LINE_BYTES)
    expect(split(long, 'x', long, long, '\nnext\n')).toEqual([null, 'next'])
    expect(split(`${long}\n`)).toEqual([long])
  })
})
