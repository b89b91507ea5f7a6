import { describe, expect, it } from 'vitest'
import { parseContent } from '../../../analysis/importers/content.ts'
import { parseCsv } from '../../../analysis/importers/csv.ts'

describe('what a file holds', () => {
  it('is JSON, one value a line, or CSV, by its text', () => {
    expect(parseContent('{"a": 1}')).toMatchObject({ content: { form: 'json', value: { a: 1 } } })
    expect(parseContent('\ufeff[1]')).toMatchObject({ content: { form: 'json', value: [1] } })
    expect(parseContent('{"a":1}\n\n{"a":2}\n')).toMatchObject({
      content: {
        form: 'ndjson',
        lines: [
          { line: 1, value: { a: 1 } },
          { line: 3, value: { a: 2 } },
        ],
      },
    })
    expect(parseContent('a,b\n1,2\n')).toMatchObject({
      content: { form: 'csv', header: ['a', 'b'], rows: [['1', '2']] },
    })
  })

  it('reads bare NaN and Infinity as null, and says how many; texts stay whole', () => {
    const text = '{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \\" Infinity"}'
    expect(parseContent(text)).toEqual({
      content: { form: 'json', value: { a: null, b: [null, null], c: 'NaN " Infinity' } },
      notes: ['3 bare NaN or Infinity of the file were read as null'],
    })
    expect(parseContent('{"a": NaN}\n{"a": 1}')).toMatchObject({
      content: { form: 'ndjson', lines: [{ value: { a: null } }, { value: { a: 1 } }] },
    })
  })

  it('says in words what is none of these', () => {
    expect(parseContent(' \n')).toBe('is empty')
    expect(parseContent('{"a": 1')).toMatch(/^is not JSON/)
    expect(parseContent('hello')).toBe('is neither JSON nor CSV')
  })
})

describe('CSV', () => {
  it('takes quotes, doubled quotes, line breaks and CRLF', () => {
    expect(parseCsv('\ufeffa,b\r\n"x, ""y""","1\n2"\r\n,\r\n')).toEqual({
      header: ['a', 'b'],
      rows: [
        ['x, "y"', '1\n2'],
        ['', ''],
      ],
    })
  })
  it('takes a last line without its end, and passes over blank lines', () => {
    expect(parseCsv('a,b\n\n1,2')).toEqual({ header: ['a', 'b'], rows: [['1', '2']] })
  })
  it('is none with a quote that never closes', () => {
    expect(parseCsv('a,b\n"1,2\n')).toBeNull()
    expect(parseCsv('')).toBeNull()
  })
})
