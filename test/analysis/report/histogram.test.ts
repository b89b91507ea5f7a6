import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { histogram } from '../../../analysis/report/histogram.ts'

describe('histogram', () => {
  it('gives null where there is no value', () => {
    expect(histogram([])).toBeNull()
    expect(histogram([Number.NaN, Number.POSITIVE_INFINITY])).toBeNull()
  })

  it('puts one value into one bin that holds it', () => {
    const one = histogram([42])
    expect(one?.bins).toHaveLength(1)
    expect(one?.bins[0]?.low).toBeLessThanOrEqual(42)
    expect(one?.bins[0]?.high).toBeGreaterThan(42)
  })

  it('takes bins of one round width', () => {
    // 0 to 99 in at most 2 x sqrt(100) = 20 bins: 4.95 wide, which is rounded up to 5.
    const values = Array.from({ length: 100 }, (_, i) => i)
    const bins = histogram(values)?.bins ?? []
    expect(bins).toHaveLength(20)
    expect(bins[0]).toEqual({ low: 0, high: 5, count: 5 })
    expect(bins[19]).toEqual({ low: 95, high: 100, count: 5 })
  })

  it('cuts a tail that would squeeze the rest flat, and counts what it cut', () => {
    // 99 % lie from 10 to 20, one at 1000: bins end at 10 + 1.5 x 10 = 25 and hold all but that one.
    const values = [...Array.from({ length: 999 }, (_, i) => 10 + (i % 101) / 10), 1000]
    const h = histogram(values)
    expect(h?.beyond).toBe(1)
    expect(h?.max).toBe(1000)
    expect(h?.bins.at(-1)?.high).toBeLessThan(26)
  })

  it('loses no value: bins and what lies beyond add up, and every bin adjoins the next', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 300 }),
        (values) => {
          const h = histogram(values)
          if (h === null) return false
          const held = h.bins.reduce((n, b) => n + b.count, 0)
          expect(held + h.beyond).toBe(values.length)
          expect(h.bins.length).toBeLessThanOrEqual(60)
          for (let i = 1; i < h.bins.length; i++)
            expect(h.bins[i]?.low).toBeCloseTo(h.bins[i - 1]?.high ?? Number.NaN, 6)
          return true
        },
      ),
    )
  })
})
