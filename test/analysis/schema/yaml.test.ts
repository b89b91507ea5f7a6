import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { parseYaml, YamlError } from '../../../analysis/schema/yaml.ts'

const refusal = (text: string): string => {
  try {
    parseYaml(text)
  } catch (error) {
    if (error instanceof YamlError) return error.message
    throw error
  }
  return 'taken'
}

/** Nine aliases of nine aliases, and so on: 9^9 values of 300 characters. */
function bomb(): string {
  const names = 'abcdefghi'.split('')
  return names
    .map((name, i) => {
      const inner = i === 0 ? 'x' : `*${names[i - 1]}`
      return `${name}: &${name} [${Array(9).fill(inner).join(', ')}]`
    })
    .join('\n')
}

describe('YAML', () => {
  it('is read as it was written', () => {
    const plain = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, 1, 2.5, 'text', '', '- x', 'a: b'),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie('value'), { maxKeys: 4 }),
      ),
    })).value
    fc.assert(
      fc.property(plain, (value) => {
        expect(parseYaml(stringify(value))).toEqual(value)
        expect(parseYaml(JSON.stringify(value))).toEqual(value)
      }),
      { numRuns: 200 },
    )
  })

  it('may repeat values by aliases', () => {
    const many = Array.from({ length: 500 }, () => '  - *phases').join('\n')
    const read = parseYaml(`phases: &phases {idle_s: 5}\nruns:\n${many}`) as { runs: unknown[] }
    expect(read.runs).toHaveLength(500)
    expect(read.runs[499]).toEqual({ idle_s: 5 })
  })

  it.each([
    ['a bomb of aliases', bomb(), /^repeats values by aliases more than 100000 times/],
    ['a list within itself', 'a: &a [*a]', /^holds an alias within its own anchor/],
    ['a mapping within itself', 'a: &a {b: {c: *a}}', /^holds an alias within its own anchor/],
    ['an alias of nothing', 'a: *b', /^is neither YAML nor JSON: Unresolved alias/],
    ['brackets without end', '['.repeat(100_000), /^is nested deeper than 100 levels/],
    ['lists in lists', '- '.repeat(20_000), /^is nested deeper than 100 levels/],
    ['101 levels', `${'['.repeat(101)}${']'.repeat(101)}`, /^is nested deeper than 100 levels/],
    ['a key twice', 'a:\n  b: 1\n  b: 2', /^has the key "b" twice in one mapping, at line 3/],
    ['two documents', 'a: 1\n---\nb: 2', /^holds more than one document \(line 2, column 1\)/],
    ['no YAML', 'a: [1, 2', /^is neither YAML nor JSON: .* at line 1, column 9$/],
  ])('is refused in words: %s', (_, text, words) => {
    expect(refusal(text)).toMatch(words)
  })

  it('takes 100 levels, and 20,000 keys of one mapping', () => {
    expect(refusal(`${'['.repeat(100)}${']'.repeat(100)}`)).toBe('taken')
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n')
    expect(Object.keys(parseYaml(keys) as object)).toHaveLength(20_000)
  })
})
