import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyValues, valuesAtRanks } from '../../../analysis/stats/keyed-values.ts'
import { nearestRank, percentile } from '../../../analysis/stats/percentile.ts'

describe('percentile', () => {
  it('interpolates at rank fraction × (count - 1)', () => {
    // rank 0.75 × 3 = 2.25: 40 + 0.25 × (60 - 40)
    expect(percentile([60, 20, 40, 24], 0.75)).toBe(45)
    const values = [2, 7, 11, 19, 44]
    expect(percentile(values, 0.5)).toBe(11)
    // rank 3.6: 19 + 0.6 × 25; rank 3.96: 19 + 0.96 × 25
    expect(percentile(values, 0.9)).toBeCloseTo(34, 12)
    expect(percentile(values, 0.99)).toBeCloseTo(43, 12)
  })

  it('is null without values, and refuses a fraction outside of 0 to 1', () => {
    expect(percentile([], 0.5)).toBeNull()
    expect(() => percentile([1], 1.5)).toThrow('1.5')
    expect(() => percentile([1], Number.NaN)).toThrow(RangeError)
  })

  it('never falls as the fraction rises, and stays within the values', () => {
    const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 })
    const unit = fc.double({ noNaN: true, min: 0, max: 1 })
    fc.assert(
      fc.property(values, unit, unit, (v, p, q) => {
        const [low, high] = [percentile(v, Math.min(p, q)), percentile(v, Math.max(p, q))]
        expect(low as number).toBeLessThanOrEqual((high as number) + 1e-6)
        expect(low as number).toBeGreaterThanOrEqual(Math.min(...v))
        expect(high as number).toBeLessThanOrEqual(Math.max(...v) + 1e-6)
      }),
    )
  })
})

describe('nearest rank', () => {
  it('takes the smallest value that the share does not exceed, infinite ones too', () => {
    // ceil(0.5 × 4) = 2nd; ceil(0.9 × 4) = 4th
    expect(nearestRank([3, 1, Number.POSITIVE_INFINITY, 2], 0.5)).toBe(2)
    expect(nearestRank([3, 1, Number.POSITIVE_INFINITY, 2], 0.9)).toBe(Number.POSITIVE_INFINITY)
    expect(nearestRank([], 0.5)).toBeNull()
  })
})

describe('keyed values', () => {
  it('give every order statistic exactly as a sort does', () => {
    const positive = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e7 })
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 200 }), (values) => {
        const ranks = values.map((_, i) => i)
        const sorted = [...values].sort((a, b) => a - b)
        expect(valuesAtRanks(keyValues(values), ranks)).toEqual(sorted)
      }),
    )
  })

  it('refuse what has no key, naming it', () => {
    expect(() => keyValues([1, -1])).toThrow('value 1 is -1')
    expect(() => keyValues([Number.NaN])).toThrow(RangeError)
    expect(() => valuesAtRanks(keyValues([1]), [1])).toThrow(RangeError)
  })
})
