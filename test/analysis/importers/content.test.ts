import fc from 'fast-check'
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

  it('refuses what is nested without end before it parses it, and takes a thousand levels', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    expect(parseContent(nested(1000))).toMatchObject({ content: { form: 'json' } })
    expect(parseContent(nested(1001))).toMatch(/^is nested more than 1000 deep/)
    expect(parseContent('['.repeat(5_000_000))).toMatch(/^is nested more than 1000 deep/)
    // What stands in a text is no bracket, and one after the other is not one within the other.
    const texts = JSON.stringify(['['.repeat(2000), `\\"${'['.repeat(2000)}`])
    expect(parseContent(texts)).toMatchObject({ content: { form: 'json' } })
    expect(parseContent('[[1]]\n'.repeat(2000))).toMatchObject({ content: { form: 'ndjson' } })
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

  it('reads any text as one that goes letter by letter does', () => {
    const letters = fc.constantFrom('"', ',', '\n', '\r', '\r\n', 'a', ' ', '""', '\ufeff')
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 30 }), (parts) => {
        const text = parts.join('')
        expect(parseCsv(text)).toEqual(letterByLetter(text))
      }),
      { numRuns: 1000 },
    )
  })

  it('takes a few times its text in memory', () => {
    const text = `a,b\n${'some words of a cell,"and quoted ""ones"" as well"\n'.repeat(50_000)}`
    const before = process.memoryUsage().heapUsed
    const csv = parseCsv(text)
    const after = process.memoryUsage().heapUsed
    expect(csv?.rows).toHaveLength(50_000)
    // Of 2.4 MB of text. Put together letter by letter it was 51 MB.
    expect(after - before).toBeLessThan(40_000_000)
  })
})

/** RFC 4180 as a reader of one letter after the other sees it. */
function letterByLetter(text: string): ReturnType<typeof parseCsv> {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  const endRow = () => {
    row.push(cell)
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
    cell = ''
  }
  for (let i = text.startsWith('\ufeff') ? 1 : 0; i < text.length; i++) {
    const c = text[i] as string
    if (quoted) {
      if (c !== '"') cell += c
      else if (text[i + 1] === '"') cell += text[++i]
      else quoted = false
    } else if (c === '"' && cell === '') quoted = true
    else if (c === ',') {
      row.push(cell)
      cell = ''
    } else if (c === '\n') endRow()
    else if (c !== '\r' || text[i + 1] !== '\n') cell += c
  }
  if (quoted) return null
  if (cell !== '' || row.length > 0) endRow()
  const [header, ...rest] = rows
  return header === undefined ? null : { header, rows: rest }
}
