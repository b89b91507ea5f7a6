import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { believedRequest, refusedCounts } from '../../../analysis/readings/believed-counts.ts'
import { readAnswer } from '../../../analysis/requests/answer.ts'
import { isTokenCount, TOKEN_COUNTS } from '../../../analysis/schema/token-count.ts'
import { streamed } from '../run-of.ts'

const row = (more: object) => believedRequest(streamed('r', 0, [10, 20, 30], more))

describe('counts of a recorded request', () => {
  it('that a response can have leave the row as it is', () => {
    const whole = streamed('r', 0, [10, 20], { cached_input_tokens: 10, reasoning_tokens: 2 })
    expect(believedRequest(whole)).toBe(whole)
    expect(refusedCounts(whole)).toBeNull()
    // The highest one.
    expect(row({ output_tokens: 100_000_000 }).output_tokens).toBe(100_000_000)
  })

  it.each([-1, 100_000_001, 2 ** 31, 2 ** 53, 1e300, 2.5, Number.POSITIVE_INFINITY])(
    'of %d are read as absent, and the chunks counted',
    (output_tokens) => {
      const read = row({ output_tokens })
      expect(read.output_tokens).toBeNull()
      expect(refusedCounts(read)).toEqual({ output_tokens: String(output_tokens) })
      expect(readAnswer(read, true)).toMatchObject({
        output_tokens: 3,
        token_source: 'chunk_tokens',
      })
    },
  )

  it('of single chunks are unknown', () => {
    const read = row({ chunk_tokens: [1, -1_187_455_706, 2_000_000], output_tokens: null })
    expect(read.chunk_tokens).toEqual([1, -1, -1])
    expect(readAnswer(read, true)).toMatchObject({ output_tokens: 3, token_source: 'chunks' })
  })

  it('whose chunks are all zero beside a count that is not believed are taken by chunk', () => {
    const read = row({ output_tokens: -5, chunk_tokens: [0, 0, 0] })
    expect(readAnswer(read, true)).toMatchObject({ output_tokens: 3, token_source: 'chunks' })
  })

  it('of parts above their whole are absent, and the whole stays', () => {
    expect(row({ cached_input_tokens: 11, reasoning_tokens: 4 })).toMatchObject({
      input_tokens: 10,
      cached_input_tokens: null,
      output_tokens: 3,
      reasoning_tokens: null,
      unbelievable_counts: '{"cached_input_tokens":"11","reasoning_tokens":"4"}',
    })
  })

  it('are never out of range, whatever is recorded, and reading twice changes nothing', () => {
    const any = fc.oneof(fc.double(), fc.integer(), fc.constant(null))
    fc.assert(
      fc.property(
        fc.record({
          ...(Object.fromEntries(TOKEN_COUNTS.map((n) => [n, any])) as Record<string, typeof any>),
          chunk_tokens: fc.array(fc.oneof(fc.double(), fc.integer()), {
            minLength: 3,
            maxLength: 3,
          }),
        }),
        (counts) => {
          const read = row(counts)
          for (const name of TOKEN_COUNTS) {
            const value = read[name] ?? null
            expect(value === null || isTokenCount(value)).toBe(true)
          }
          expect(readAnswer(read, true).output_tokens).toBeGreaterThanOrEqual(0)
          expect(believedRequest(read)).toBe(read)
        },
      ),
    )
  })
})

describe('a request with a length mismatch', () => {
  it('is completed with tokens, and failed without any', () => {
    const mismatch = { outcome: 'length_mismatch' } as const
    expect(readAnswer(row(mismatch), true).succeeded).toBe(true)
    const none = streamed('r', 0, [], { ...mismatch, output_tokens: 0 })
    expect(readAnswer(none, true).succeeded).toBe(false)
    // Nothing was recorded of its tokens: that is not none.
    const unknown = { request_id: 'r', sent_t_ns: 0, closed_t_ns: 9, ...mismatch }
    expect(readAnswer(unknown, true).succeeded).toBe(true)
  })
})
