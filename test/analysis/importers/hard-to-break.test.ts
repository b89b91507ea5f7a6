import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Content, Importer, ImportFile } from '../../../analysis/importers/importer.ts'
import { IMPORTERS } from '../../../analysis/importers/list.ts'
import { resultSchema } from '../../../analysis/schema/result.ts'
import { importFixture } from '../../support/importing.ts'

const FIXTURES: Readonly<Record<string, readonly string[]>> = {
  aiperf: ['aiperf/profile_export.jsonl', 'aiperf/profile_export_aiperf.json'],
  guidellm: ['guidellm/benchmarks.json'],
  vllm_bench: ['vllm-bench/plain.json', 'vllm-bench/detailed.json'],
  llmperf: ['llmperf/double_60_8_summary.json'],
  optimum_benchmark: [
    'optimum-benchmark/benchmark.json',
    'optimum-benchmark/benchmark_report.json',
  ],
  inferencex: ['inferencex/agg_bmk.json'],
  llenergymeasure: [
    'llenergymeasure/bundle-2.0.json',
    'llenergymeasure/gpt2-a100.json',
    'llenergymeasure/four-processes.json',
    'llenergymeasure/four-gpus-one-meter.json',
  ],
  ai_energy_score: ['ai-energy-score/text_generation.csv', 'ai-energy-score/master_results.csv'],
  codecarbon: ['codecarbon/emissions.csv', 'codecarbon/tasks.csv'],
  prometheus: [
    'prometheus/energy.json',
    'prometheus/power.json',
    'prometheus/tokens.json',
    'prometheus/two-gpus.json',
    'prometheus/pod-placed.json',
  ],
}
const cases = Object.entries(FIXTURES).flatMap(([name, paths]) =>
  paths.map((path) => ({ name, path })),
)
const importerOf = (name: string): Importer => {
  const found = IMPORTERS.find((i) => i.name === name)
  if (found === undefined) throw new Error(`no importer ${name}`)
  return found
}

const JUNK: readonly unknown[] = [
  ...[undefined, null, Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e300, 'x', '12', '', true],
  ...[[], {}, [null], { a: 1 }, ['x', -1]],
]
const junk = fc.constantFrom(...JUNK)

/** Every place within a value, as paths; lists are shortened, since their items are alike. */
function places(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  const here = path.length === 0 ? [] : [[...path]]
  if (Array.isArray(value))
    return [...here, ...value.slice(0, 3).flatMap((v, i) => places(v, [...path, i]))]
  if (value === null || typeof value !== 'object') return here
  return [...here, ...Object.entries(value).flatMap(([k, v]) => places(v, [...path, k]))]
}

function changed(value: unknown, path: readonly (string | number)[], to: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return to
  if (Array.isArray(value)) return value.map((v, i) => (i === key ? changed(v, rest, to) : v))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, v]) => {
      if (k !== key) return [[k, v]]
      const next = changed(v, rest, to)
      return next === undefined ? [] : [[k, next]]
    }),
  )
}

const body = (content: Content): unknown =>
  content.form === 'json'
    ? content.value
    : content.form === 'ndjson'
      ? content.lines.map((l) => l.value)
      : content.rows

function withBody(content: Content, value: unknown): Content {
  if (content.form === 'json') return { form: 'json', value }
  const list = Array.isArray(value) ? value : []
  if (content.form === 'ndjson')
    return { form: 'ndjson', lines: list.map((v, i) => ({ line: i + 1, value: v })) }
  if (content.form === 'table') return { ...content, rows: list as never }
  // Cells of a CSV are text, whatever they say.
  const cells = (row: unknown) => (Array.isArray(row) ? row.map((c) => String(c ?? '')) : [])
  return { form: 'csv', header: content.header, rows: list.map(cells) }
}

function read(importer: Importer, file: ImportFile) {
  const reading = importer.begin({ revision: null })
  reading.take(file)
  return reading.done()
}

describe.each(cases)('$path', ({ name, path }) => {
  const importer = importerOf(name)
  const file = importFixture(path)

  test('is told by its content, by this importer alone', () => {
    const bare = { ...file, path: 'x' }
    expect(IMPORTERS.filter((i) => i.detect(bare)).map((i) => i.name)).toEqual([name])
  })

  test('gives the same results when it is read again, and elsewhere', () => {
    const ids = (f: ImportFile) => read(importer, f).results.map((r) => r.result_id)
    const first = ids(file)
    expect(first.length).toBeGreaterThan(0)
    expect(ids({ ...file, path: `deeper/${path}` })).toEqual(first)
  })

  test('tells of every field that it met what became of it', () => {
    const { fields, lacks, verdicts } = read(importer, file)
    expect(Object.keys(fields).length).toBeGreaterThan(3 - (name === 'prometheus' ? 3 : 0))
    expect(lacks.length).toBeGreaterThan(0)
    expect(verdicts.every((v) => v.verdict === 'mapped')).toBe(true)
  })

  test('takes missing, null, text and not finite values without throwing', () => {
    const value = body(file.content)
    const all = places(value)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(all.length - 1), junk), { minLength: 1, maxLength: 4 }),
        (changes) => {
          let bad = value
          for (const [at, to] of changes) bad = changed(bad, all[at] ?? [], to)
          const broken = { ...file, content: withBody(file.content, bad) }
          importer.detect(broken)
          const { results, verdicts } = read(importer, broken)
          for (const result of results) {
            resultSchema.parse(result)
            // A number that is told is finite, and none without a reason is missing.
            for (const m of Object.values(result.metrics))
              expect(m.value === null ? m.reason !== null : Number.isFinite(m.value)).toBe(true)
          }
          for (const fault of verdicts.flatMap((v) => v.faults)) {
            expect(fault.field).not.toBe('')
            expect(fault.message).not.toBe('')
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  test('takes anything instead of the whole', () => {
    for (const value of JUNK) {
      const content: Content = { form: 'json', value }
      const { results } = read(importer, { ...file, content })
      expect(results).toEqual([])
      expect(importer.detect({ ...file, content })).toBe(false)
    }
  })
})
