import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tokenCounts } from '../../../analysis/requests/tokens.ts'
import type { RequestRow } from '../../../analysis/schema/stream.ts'
import type { Window } from '../../../analysis/window.ts'
import { runOf, streamed } from '../run-of.ts'

const seconds = (from: number, to: number): Window => ({
  start_ns: from * 1e9,
  end_ns: to * 1e9,
  rule: 'fixed',
})
const count = (requests: readonly RequestRow[], window: Window) =>
  tokenCounts(runOf({ requests }), window)

describe('tokens in a window', () => {
  it('count where they arrive, left-open and right-closed', () => {
    const row = streamed('a', 0, [800, 1300, 1800, 2300, 2800, 3300])
    expect(count([row], seconds(1, 3)).output).toBe(4)
    // At the edges: 1.3 is out, 2.8 is in
    expect(count([row], seconds(1.3, 2.8)).output).toBe(3)
  })

  it('include those of failed requests, which are not useful', () => {
    const failed = streamed('b', 0, [500, 600], { outcome: 'error', output_tokens: null })
    const counts = count([streamed('a', 0, [500, 900]), failed], seconds(0, 1))
    expect(counts).toMatchObject({ output: 4, useful_output: 2, completed: 1, failed: 1 })
    expect(counts.mean_output_per_completed_of_run).toBe(2)
  })

  it('spread what the known chunks do not explain over the unknown ones', () => {
    // 10 tokens, 4 known: 3 each on the two unknown chunks
    const row = streamed('a', 0, [500, 1500, 2500], {
      chunk_tokens: [4, -1, -1],
      output_tokens: 10,
    })
    expect(count([row], seconds(0, 1)).output).toBe(4)
    expect(count([row], seconds(1, 2)).output).toBe(3)
    expect(count([row], seconds(0, 3)).output).toBe(10)
  })

  it('scale the chunks where the engine counts other tokens', () => {
    // The engine says 8, the chunks hold 4
    const row = streamed('a', 0, [500, 1500, 2500, 2600], { output_tokens: 8 })
    expect(count([row], seconds(0, 1)).output).toBe(2)
    expect(count([row], seconds(0, 3)).output).toBe(8)
  })

  it('count by chunk where nothing else tells', () => {
    const row = streamed('a', 0, [500, 600], { chunk_tokens: null, output_tokens: null })
    expect(count([row], seconds(0, 1)).output).toBe(2)
  })

  it('of an answer in one piece arrive at its end', () => {
    const row: RequestRow = {
      request_id: 'a',
      phase: 'measure',
      sent_t_ns: 0,
      done_t_ns: 1.5e9,
      output_tokens: 7,
      input_tokens: 3,
      outcome: 'ok',
      mode: 'per_request_batch',
    }
    expect(count([row], seconds(0, 1))).toMatchObject({ output: 0, reason: 'no_output_tokens' })
    expect(count([row], seconds(1, 2))).toMatchObject({ output: 7, input: 3, completed: 1 })
    // Any of the 7 may fall on either side of the edge at 1 s: 7 / root 12
    expect(count([row], seconds(1, 2)).u_tokens).toBeCloseTo(7 / Math.sqrt(12), 12)
  })

  it('are uncertain by the requests that run at the edges, in lockstep', () => {
    // 3 decode at 1 s, 4 at 2 s: root(9 + 16) / root 12
    const rows = [0, 1, 2, 3].map((i) => streamed(`r${i}`, 0, [i < 3 ? 500 : 1200, 1500, 2500]))
    expect(count(rows, seconds(1, 2)).u_tokens).toBeCloseTo(5 / Math.sqrt(12), 12)
  })

  it('of prompts count when their prefill ends, and not at all where one is unknown', () => {
    const rows = [streamed('a', 0, [500]), streamed('b', 0, [1500])]
    expect(count(rows, seconds(0, 1)).input).toBe(10)
    expect(
      count([...rows, streamed('c', 0, [600], { input_tokens: null })], seconds(0, 1)).input,
    ).toBeNull()
  })

  it('are null with a reason without window or requests', () => {
    expect(tokenCounts(runOf({}), null)).toMatchObject({ output: null, reason: 'no_window' })
    expect(count([], seconds(0, 1))).toMatchObject({ output: null, reason: 'no_output_tokens' })
  })

  it('survive a record out of order and counts beyond belief', () => {
    const row = streamed('a', 0, [900, 500], { chunk_tokens: [2_000_000_000, 1], output_tokens: 4 })
    expect(count([row], seconds(0, 0.6)).output).toBe(1)
    expect(count([row], seconds(0, 1)).output).toBe(4)
  })
})

describe('laws of tokens', () => {
  const request = fc
    .record({
      sent: fc.integer({ min: 0, max: 3000 }),
      gaps: fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 8 }),
      tokens: fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 9 }),
      stated: fc.option(fc.integer({ min: 0, max: 40 }), { nil: null }),
      outcome: fc.constantFrom('ok', 'error', 'cancelled', null),
      mode: fc.constantFrom('streamed', 'per_request_batch', 'proportional', null),
    })
    .map(({ sent, gaps, tokens, stated, outcome, mode }) => {
      let at = sent
      const times = gaps.map((g) => (at += g))
      return { sent, times, tokens, stated, outcome, mode, end: at + 1 }
    })
  const rows = fc.array(request, { maxLength: 10 }).map((list) =>
    list.map((r, i) =>
      streamed(`r${i}`, r.sent, r.times, {
        chunk_tokens: r.tokens,
        output_tokens: r.stated,
        outcome: r.outcome,
        mode: r.mode,
        done_t_ns: r.end * 1e6,
      }),
    ),
  )

  it('the counts of a partition of windows add up to the whole', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 8999 }), { maxLength: 5 })
    fc.assert(
      fc.property(rows, cuts, (list, inner) => {
        const edges = [-1, ...new Set(inner.map((ms) => ms / 1000)), 9].sort((a, b) => a - b)
        const whole = count(list, seconds(-1, 9))
        if (whole.output === null) return
        const parts = edges.slice(1).map((to, i) => count(list, seconds(edges[i] as number, to)))
        const total = (of: (c: (typeof parts)[number]) => number | null) =>
          parts.reduce((n, c) => n + (of(c) ?? 0), 0)
        expect(total((c) => c.output)).toBeCloseTo(whole.output, 6)
        expect(total((c) => c.useful_output)).toBeCloseTo(whole.useful_output as number, 6)
        expect(total((c) => c.completed)).toBe(whole.completed)
        expect(total((c) => c.failed)).toBe(whole.failed)
      }),
    )
  })

  it('a whole window holds the output tokens that the requests state', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const stated = list.filter((r) => r.output_tokens != null)
        const whole = count(stated, seconds(-1, 99))
        const sum = stated.reduce((n, r) => n + (r.output_tokens ?? 0), 0)
        expect(whole.output ?? 0).toBeCloseTo(sum, 6)
      }),
    )
  })
})
