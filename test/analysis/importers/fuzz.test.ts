import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseContent } from '../../../analysis/importers/content.ts'
import type { ImportFile } from '../../../analysis/importers/importer.ts'
import { IMPORTERS } from '../../../analysis/importers/list.ts'
import { resultSchema } from '../../../analysis/schema/result.ts'
import { fuzzRuns } from '../../support/fuzz-factor.ts'
import { imageRow, jsonFile, task, tokenRow } from './mlenergy-files.ts'

const RUNS = fuzzRuns(100)

const odd = fc.oneof(
  fc.constantFrom(
    null,
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    -1,
    1e308,
    2 ** 60,
    '',
    '1',
    true,
  ),
  fc.double(),
  fc.string(),
  fc.jsonValue(),
)

/** Whatever comes: no exception, every row a verdict, every result what the store takes. */
function holds(file: ImportFile): void {
  for (const importer of IMPORTERS) {
    importer.detect(file)
    const reading = importer.begin({ revision: null })
    reading.take(file)
    const { results, verdicts } = reading.done()
    for (const result of results) {
      resultSchema.parse(result)
      expect(result.source).not.toBe('local')
      for (const m of Object.values(result.metrics)) {
        if (m.value === null) expect(m.reason).not.toBeNull()
        else expect(Number.isFinite(m.value)).toBe(true)
      }
    }
    const mapped = new Set(verdicts.filter((v) => v.verdict === 'mapped').map((v) => v.result_id))
    expect(mapped).toEqual(new Set(results.map((r) => r.result_id)))
  }
}

describe('every importer, whatever a file holds', () => {
  it(
    'takes any JSON',
    () => {
      fc.assert(
        fc.property(fc.jsonValue(), (value) => holds(jsonFile('x.json', value))),
        { numRuns: RUNS },
      )
    },
    fuzzRuns(60_000),
  )

  it(
    'takes a published row with any field set to anything, taken out, or unknown',
    () => {
      const base = fc.constantFrom(tokenRow(), imageRow())
      fc.assert(
        fc.property(
          base,
          fc.dictionary(fc.string(), odd),
          fc.nat(),
          odd,
          (row, extra, at, value) => {
            const names = Object.keys(row)
            const name = names[at % names.length] as string
            const { [name]: _, ...without } = row
            holds(
              task([
                { ...extra, ...row, [name]: value },
                { ...extra, ...without },
              ]),
            )
          },
        ),
        { numRuns: RUNS },
      )
    },
    fuzzRuns(60_000),
  )

  it('takes files of each kind with any of their parts set to anything', () => {
    const kinds: Record<string, unknown>[] = [
      { task: 't', configurations: [tokenRow()] },
      { task: 't', model_id: 'm', configurations: [tokenRow({ parallelization: {} })] },
      { models: {}, tasks: [], architectures: {}, last_updated: 'x' },
      { steady_state_stats: {}, timeline: [], steady_state_start_time: 1 },
      {
        model_id: 'm',
        steady_state_energy: 1,
        steady_state_measurement: { gpu_energy: { '0': 1 } },
        timeline: { steady_state_start_time: 0, steady_state_end_time: 1, power: {} },
        results: [{ success: true, itl: [1, 0] }],
      },
      { model_id: 'm', iteration_energy_measurements: [{ time: 1, gpu_energy: { '0': 1 } }] },
    ]
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.nat(), odd, (kind, at, value) => {
        const names = Object.keys(kind)
        holds(jsonFile('x.json', { ...kind, [names[at % names.length] as string]: value }))
      }),
      { numRuns: 3 * RUNS },
    )
  })

  it(
    'takes lines and tables of anything',
    () => {
      const cells = fc.array(fc.string(), { maxLength: 5 })
      fc.assert(
        fc.property(cells, fc.array(cells), fc.array(fc.jsonValue()), (header, rows, values) => {
          holds({ path: 'x.csv', sha256: 'x', notes: [], content: { form: 'csv', header, rows } })
          const lines = values.map((value, i) => ({ line: i + 1, value }))
          holds({ path: 'x.jsonl', sha256: 'x', notes: [], content: { form: 'ndjson', lines } })
          const table = values.map((value) =>
            Object.fromEntries(header.map((name) => [name, value])),
          )
          const content = { form: 'table', columns: header, rows: table } as const
          holds({ path: 'x.parquet', sha256: 'x', notes: [], content })
        }),
        { numRuns: RUNS },
      )
    },
    fuzzRuns(60_000),
  )

  it(
    'parses any text to something, or says why not',
    () => {
      const pieces = fc.array(
        fc.oneof(
          fc.constantFrom('{', '}', '"', 'NaN', '-Infinity', '\n', ',', '\\', '[', ':'),
          fc.string(),
        ),
      )
      fc.assert(
        fc.property(pieces, (parts) => {
          const parsed = parseContent(parts.join(''))
          expect(typeof parsed === 'string' ? parsed.length > 0 : parsed.content.form).toBeTruthy()
        }),
        { numRuns: RUNS },
      )
    },
    fuzzRuns(60_000),
  )
})
