import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ImportFile } from '../../../analysis/importers/importer.ts'
import { IMPORTERS } from '../../../analysis/importers/list.ts'
import { llenergymeasure } from '../../../analysis/importers/llenergymeasure.ts'
import type { Result } from '../../../analysis/schema/result.ts'
import { parquetContent } from '../../../server/results/parquet.ts'
import { imported, importFixture, importText } from '../../support/importing.ts'
import { ROOT } from '../../support/root.ts'

const NAME = 'llenergymeasure/two-processes/timeseries.parquet'
const written = (): ImportFile => {
  const bytes = readFileSync(join(ROOT, 'test/fixtures/importers', NAME))
  const parsed = parquetContent(new Uint8Array(bytes))
  if (typeof parsed === 'string') throw new Error(parsed)
  return { path: NAME, sha256: 'x', ...parsed }
}

/** Mean watts of each GPU, a second a row; null: not read. */
function powers(watts: readonly (number | null)[], seconds: number, path = 'a/timeseries.parquet') {
  const rows = Array.from({ length: seconds }, (_, timestamp_s) =>
    watts.map((power_w, gpu_index) => ({ timestamp_s, gpu_index, power_w, throttle_reasons: 0 })),
  ).flat()
  const columns = ['timestamp_s', 'gpu_index', 'power_w', 'throttle_reasons']
  return { path, sha256: 'y', notes: [], content: { form: 'table', columns, rows } as const }
}

const { content } = importFixture('llenergymeasure/two-processes/result.json')
const row = content.form === 'json' ? (content.value as Record<string, unknown>) : {}
const told = (total_energy_j: number, change: object = {}) =>
  importText('a/result.json', JSON.stringify({ ...row, total_energy_j, ...change }))
const codes = (result: Result | undefined) =>
  result?.findings
    .filter((f) => f.code !== 'llem_denominator')
    .map((f) => `${f.code} ${f.severity}`)
const found = (...files: ImportFile[]) => codes(imported(llenergymeasure, ...files).results[0])

describe('powers beside a result of LLenergyMeasure', () => {
  test('are told by their content, by this importer alone', () => {
    const file = { ...written(), path: 'x' }
    expect(IMPORTERS.filter((i) => i.detect(file)).map((i) => i.name)).toEqual(['llenergymeasure'])
  })

  test('as its own code writes them show joules that two processes counted twice', () => {
    // 300 W and 250 W over 20 s are 11 kJ; its 21 buckets make 11.55 kJ at most; it tells 22 kJ.
    const result = importFixture('llenergymeasure/two-processes/result.json')
    const { results, verdicts } = imported(llenergymeasure, written(), result)
    expect(codes(results[0])).toEqual(['llem_double_count invalid'])
    expect(results[0]?.valid).toBe(false)
    expect(results[0]?.findings[0]?.evidence).toMatchObject({ gpus: 2, most_j: 11_550 })
    expect(verdicts.map((v) => [v.file, v.verdict])).toEqual([
      [result.path, 'mapped'],
      [NAME, 'ignored'],
    ])
    expect(codes(imported(llenergymeasure, result).results[0])).toEqual([
      'llem_double_count caution',
    ])
  })

  test('show that each GPU was counted once, whatever else would raise a doubt', () => {
    expect(found(told(11_000), powers([300, 250], 20))).toEqual([])
    expect(found(told(11_500), powers([300, 250], 20))).toEqual([])
    // Equal joules of two processes, each of its own GPU.
    const process_results = [5500, 5500].map((gpu_energy_j) => ({
      energy_metrics: { gpu_energy_j },
    }))
    const alike = told(11_000, { process_results })
    expect(found(alike)).toEqual(['llem_double_count invalid'])
    expect(found(alike, powers([275, 275], 20))).toEqual([])
  })

  test('say nothing where they are not of all GPUs, lack one, lie between, or lie elsewhere', () => {
    const doubt = ['llem_double_count caution']
    expect(found(told(22_000), powers([300], 20))).toEqual(doubt)
    expect(found(told(22_000), powers([300, null], 20))).toEqual(doubt)
    expect(found(told(14_000), powers([300, 250], 20))).toEqual(doubt)
    const { verdicts, results } = imported(
      llenergymeasure,
      told(22_000),
      powers([300, 250], 20, 'b/timeseries.parquet'),
    )
    expect(codes(results[0])).toEqual(doubt)
    expect(verdicts.at(-1)).toMatchObject({
      file: 'b/timeseries.parquet',
      verdict: 'ignored',
      message: 'no result beside it names it',
    })
  })

  test('are a second source of one process’s joules', () => {
    const one = { aggregation: null, effective_config: { model: 'm', num_processes: 1 } }
    expect(found(told(6000, one), powers([300], 20))).toEqual([])
    expect(found(told(9000, one), powers([300], 20))).toEqual([
      'energy_source_disagreement caution',
    ])
    // Its meter may have read a part of the time alone.
    expect(found(told(3000, one), powers([300], 20))).toEqual([])
  })
})
