import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCsv } from '../../../analysis/importers/csv.ts'
import { csvNumber, csvText } from '../../../server/formats/csv.ts'

/** What begins a formula in Excel, LibreOffice Calc or Google Sheets, or hides one that begins after it. */
const FORMULA = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']

describe('text as a CSV field', () => {
  it.each(FORMULA)('that begins with %j gets an apostrophe in front', (first) => {
    const [cell] = parseCsv(`a\n${csvText(`${first}1+1`)}\n`)?.rows[0] ?? []
    expect(cell).toBe(`'${first}1+1`)
  })

  it('keeps the apostrophe within quotes, where a field needs them', () => {
    expect(csvText('=HYPERLINK("x","y")')).toBe('"\'=HYPERLINK(""x"",""y"")"')
    expect(csvText('\r=1')).toBe('"\'\r=1"')
    expect(csvText('-1,5')).toBe('"\'-1,5"')
  })

  it('is left alone where these characters do not begin it', () => {
    for (const text of ['a=b', 'x-1', 'mail@host', '1+1', ' =1', "'=1"])
      expect(csvText(text)).toBe(text)
    expect([csvText(''), csvText(null)]).toEqual(['', ''])
  })

  it('is one field of one row, whatever it holds, and begins no formula', () => {
    const text = fc.string({ unit: fc.constantFrom(...FORMULA, '"', ',', 'a', "'", ' ') })
    fc.assert(
      fc.property(text, (value) => {
        const read = parseCsv(`a,b\n${csvText(value)},end\n`)
        const [cell = '', end] = read?.rows[0] ?? []
        expect([read?.rows.length, end]).toEqual([1, 'end'])
        expect(FORMULA.some((c) => cell.startsWith(c))).toBe(false)
        expect([value, `'${value}`]).toContain(cell)
      }),
    )
  })
})

describe('a number as a CSV field', () => {
  it('keeps its sign, and is empty where there is none', () => {
    expect([csvNumber(-1.5), csvNumber(2n ** 60n), csvNumber(0)]).toEqual([
      '-1.5',
      '1152921504606846976',
      '0',
    ])
    expect([csvNumber(null), csvNumber(Number.NaN)]).toEqual(['', ''])
  })
})
