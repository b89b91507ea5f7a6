import { describe, expect, it } from 'vitest'
import { queryNumber, readDecimal } from '../../../analysis/schema/query-number.ts'

describe('readDecimal', () => {
  it.each([
    ['50', 50],
    ['-0.5', -0.5],
    ['+1.', 1],
    ['.25', 0.25],
    ['1e3', 1000],
  ])('reads %j', (text, value) => {
    expect(readDecimal(text)).toBe(value)
  })

  it.each(['', ' ', ' 5', '0x10', '1e999', 'Infinity', 'NaN', 'zz', '5,0', '.', 'null'])(
    'takes %j for no number',
    (text) => {
      expect(readDecimal(text)).toBeNull()
    },
  )
})

describe('queryNumber', () => {
  const fault = (schema: ReturnType<typeof queryNumber>, text: string) => {
    const [issue] = schema.safeParse(text, { reportInput: true }).error?.issues ?? []
    return issue && [issue.message, issue.input]
  }

  it('takes both ends of a range', () => {
    const limit = queryNumber({ whole: true, least: 1, most: 1000 })
    expect([limit.parse('1'), limit.parse('1000')]).toEqual([1, 1000])
  })

  it.each(['zz', '', '0', '1001', '1.5', 'Infinity'])('keeps %j as it was given', (text) => {
    expect(fault(queryNumber({ whole: true, least: 1, most: 1000 }), text)).toEqual([
      'must be a whole number from 1 to 1000',
      text,
    ])
  })

  it('says the limits that there are', () => {
    expect(fault(queryNumber(), '')).toEqual(['must be a number', ''])
    expect(fault(queryNumber({ above: 0 }), '0')).toEqual(['must be a number above 0', '0'])
    expect(fault(queryNumber({ least: 0 }), '-1')).toEqual(['must be a number from 0 up', '-1'])
    expect(fault(queryNumber({ whole: true, most: 9 }), '9.5')?.[0]).toBe(
      'must be a whole number up to 9',
    )
  })
})
