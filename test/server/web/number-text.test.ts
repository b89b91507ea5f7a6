import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bytesText,
  decimalsOf,
  fixed,
  plain,
  rangeText,
  significant,
  utcText,
  valueText,
} from '../../../server/web/number-text.ts'

const ranged = (value: number, half: number) => ({ value, low: value - half, high: value + half })

describe('decimals of an uncertainty', () => {
  it('show two significant digits', () => {
    expect(decimalsOf(0.0123)).toBe(3) // 0.012
    expect(decimalsOf(1386)).toBe(-2) // 1400
    expect(decimalsOf(2.4)).toBe(1)
    expect(decimalsOf(12)).toBe(0)
  })

  it('count a digit that rounding carries over', () => {
    expect(decimalsOf(0.0996)).toBe(2) // 0.10, not 0.100
    expect(decimalsOf(99.7)).toBe(-1) // 100, two digits of it
  })

  it('leave two digits of whatever uncertainty', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (half) => {
        const shown = Number((half * 10 ** decimalsOf(half)).toFixed(0))
        expect(shown).toBeGreaterThanOrEqual(10)
        expect(shown).toBeLessThanOrEqual(100)
      }),
    )
  })
})

describe('a value with a range', () => {
  it('is rounded by its uncertainty', () => {
    // 24 000 J ± 1386 J: hundreds of joules are all that can be said.
    expect(valueText(ranged(24_012.3, 1386))).toBe('24\u202f000')
    expect(rangeText(ranged(24_012.3, 1386))).toBe('22\u202f600 to 25\u202f400')
    expect(valueText(ranged(0.12345, 0.0069))).toBe('0.1235')
  })

  it('shows four significant digits where the uncertainty is unknown, whole numbers whole', () => {
    expect(valueText({ value: 12.34567, low: null, high: null })).toBe('12.35')
    expect(valueText({ value: 123_456, low: null, high: null })).toBe('123\u202f456')
  })

  it('shows no more than six digits, however small the uncertainty', () => {
    expect(valueText(ranged(1.23456789, 1e-9))).toBe('1.23457')
    expect(valueText(ranged(1.23456789, 1e-9), 4)).toBe('1.235')
  })

  it('has no text where it has no value, and no range where it has none', () => {
    expect(valueText({ value: null, low: null, high: null })).toBeNull()
    expect(rangeText({ value: 3, low: null, high: 4 })).toBeNull()
    expect(rangeText({ value: 3, low: 3, high: 3 })).toBeNull()
  })
})

describe('a number', () => {
  it('has grouped digits from five on and a true minus sign', () => {
    expect(fixed(1234, 0)).toBe('1234')
    expect(fixed(1_234_567.891, 1)).toBe('1\u202f234\u202f567.9')
    expect(fixed(-40.25, 1)).toBe('−40.3')
    expect(fixed(-0.001, 1)).toBe('0.0')
  })

  it('is written by a power of ten where it would else be a row of zeros', () => {
    expect(plain(5.82e-11)).toBe('5.820\u202f×\u202f10⁻¹¹')
    expect(significant(-6.1e-6, 2)).toBe('−6.1\u202f×\u202f10⁻⁶')
  })

  it('never reads as something else than it is', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e12, max: 1e12, noNaN: true }), (value) => {
        if (Math.abs(value) < 1e-5) return
        const read = Number(
          plain(value)
            .replace(/\u202f/g, '')
            .replace('−', '-'),
        )
        expect(Math.abs(read - value)).toBeLessThanOrEqual(Math.abs(value) * 0.0005 + 1e-12)
      }),
    )
  })

  it('of bytes takes the binary unit', () => {
    expect(bytesText(85_899_345_920)).toBe('80\u202fGiB')
    expect(bytesText(512)).toBe('512\u202fB')
  })
})

describe('an instant', () => {
  it('is told in UTC, whatever its offset', () => {
    expect(utcText('2026-07-14T11:31:07.250+02:00')).toBe('2026-07-14 09:31:07 UTC')
  })
})
