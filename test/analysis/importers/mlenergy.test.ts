import { describe, expect, it } from 'vitest'
import { resultSchema } from '../../../analysis/schema/result.ts'
import { imageRow, jsonFile, published, read, task, tokenRow } from './mlenergy-files.ts'

const checks = (row: Record<string, unknown>) => {
  const [result] = read([task([row])]).results
  return {
    valid: result?.valid,
    codes: result?.findings.map((f) => f.evidence['check']),
  }
}

describe('the published sample', () => {
  const files = published()
  const { results, verdicts, fields } = read(files)

  it('gives every row as a result, none lost, no field unknown', () => {
    expect(results).toHaveLength(187 + 328 + 638)
    expect(verdicts.filter((v) => v.verdict === 'lost')).toEqual([])
    expect(verdicts.filter((v) => v.faults.length > 0)).toEqual([])
    expect(Object.values(fields)).not.toContain(null)
    for (const result of results) resultSchema.parse(result)
  })

  it('meets every identity on every row', () => {
    expect(results.flatMap((r) => r.findings)).toEqual([])
    expect(results.every((r) => r.valid)).toBe(true)
  })

  it('keeps every number bit for bit', () => {
    const gpqa = files.find((f) => f.path === 'tasks/gpqa.json')?.content
    const rows = (gpqa as { value: { configurations: Record<string, number>[] } }).value
    const ours = results.filter((r) => r.task === 'gpqa')
    for (const [i, row] of rows.configurations.entries()) {
      const metrics = ours[i]?.metrics ?? {}
      expect(metrics['energy_per_output_token_j']?.value).toBe(row['energy_per_token_joules'])
      expect(metrics['itl_ms_p99']?.value).toBe(row['p99_itl_ms'])
      expect(metrics['output_tokens_per_request']?.value).toBe(row['avg_output_len'])
    }
  })

  it('says of each metric over which of the two windows it was counted', () => {
    const windows = Object.fromEntries(
      Object.entries(results[0]?.metrics ?? {}).map(([id, m]) => [id, m.window]),
    )
    expect(windows).toEqual({
      energy_per_output_token_j: 'steady',
      energy_per_request_j: 'steady',
      power_mean_w: 'steady',
      output_throughput_tok_s: 'steady',
      batch_size_mean: 'steady',
      output_tokens_per_request: 'run',
      itl_ms_p50: 'run',
      itl_ms_p90: 'run',
      itl_ms_p95: 'run',
      itl_ms_p99: 'run',
    })
  })

  it('keeps rows that name the same configuration as replicates', () => {
    const twins = results.filter(
      (r) =>
        r.model === 'openai/gpt-oss-20b' &&
        r.task === 'gpqa' &&
        r.gpu_model === 'H100' &&
        r.num_gpus === 1 &&
        r.batch_limit === 96,
    )
    expect(twins).toHaveLength(2)
    expect(new Set(twins.map((t) => t.result_id)).size).toBe(2)
    expect(new Set(twins.map((t) => t.metrics['power_mean_w']?.value)).size).toBe(2)
  })

  it('takes names, kinds and the revision from the index', () => {
    const qwen = results.find((r) => r.model === 'Qwen/Qwen3-14B')
    expect(qwen).toMatchObject({ name: 'Qwen 3 14B', setup: { modality: 'llm' } })
    expect(qwen?.provenance.revision).toBe('2026-02-16')
    const painted = results.find((r) => r.name?.startsWith('PixArt'))
    expect(painted).toMatchObject({ name: 'PixArt-Σ', setup: { modality: 'diffusion' } })
  })

  it('joins the histograms of model files by position', () => {
    const having = results.filter((r) => 'output_length_distribution' in r.foreign)
    expect(having).toHaveLength(19 + 26)
    expect(new Set(having.map((r) => r.model))).toEqual(
      new Set(['Qwen/Qwen3-8B', 'openai/gpt-oss-20b']),
    )
  })

  it('gives the same ids in any order of files, and from model files alone', () => {
    const ids = new Set(results.map((r) => r.result_id))
    expect(new Set(read([...files].reverse()).results.map((r) => r.result_id))).toEqual(ids)
    const alone = read(
      files.filter((f) => f.path.startsWith('models/')),
      '2026-02-16',
    )
    expect(alone.results).toHaveLength(19 + 26 + 105)
    expect(alone.results.filter((r) => !ids.has(r.result_id))).toEqual([])
    expect(alone.results.flatMap((r) => r.findings)).toEqual([])
  })

  it('gives other ids under another revision', () => {
    const ids = new Set(results.map((r) => r.result_id))
    const later = read(files, '2027-01-01').results
    expect(later.filter((r) => ids.has(r.result_id))).toEqual([])
  })

  it('notes where experts hide the tensor parallelism of attention, and keeps what is reported', () => {
    const moe = results.find((r) => r.architecture === 'MoE' && r.expert_parallel === 4)
    expect(moe?.tensor_parallel).toBe(1)
    expect(moe?.provenance.notes.join()).toMatch(/attention ran on all 4 GPUs/)
  })
})

describe('identities, each broken alone', () => {
  it('lets a row through whose numbers fit', () => {
    expect(checks(tokenRow())).toEqual({ valid: true, codes: [] })
    expect(checks(imageRow())).toEqual({ valid: true, codes: [] })
  })

  it('counts GPUs once where each copy of attention and its experts lie on the same', () => {
    const shared = { num_gpus: 4, tensor_parallel: 1, data_parallel: 4, expert_parallel: 4 }
    const row = tokenRow({ ...shared, architecture: 'MoE' })
    expect(checks(row)).toEqual({ valid: true, codes: [] })
    expect(read([task([row])]).results[0]?.provenance.notes).toEqual([])
    expect(checks({ ...row, data_parallel: 2 }).codes).toEqual(['par'])
    expect(checks({ ...row, expert_parallel: 2 }).codes).toEqual(['par'])
  })

  const CASES: [string, Record<string, unknown>][] = [
    ['epr', tokenRow({ energy_per_request_joules: 100.000001 })],
    ['thr', tokenRow({ output_throughput_tokens_per_sec: 1600.00001 })],
    ['pct', tokenRow({ p95_itl_ms: 11.9 })],
    ['bat', tokenRow({ avg_batch_size: 16.1 })],
    ['bat', tokenRow({ avg_batch_size: 0 })],
    ['par', tokenRow({ data_parallel: 2 })],
    ['par', imageRow({ ring_degree: 2 })],
    ['act', tokenRow({ activated_params_billions: 8.1 })],
    ['dif', imageRow({ energy_per_image_joules: 501 })],
    ['dif', imageRow({ throughput_images_per_sec: 2.1 })],
    ['pos', imageRow({ avg_power_watts: 0, energy_per_image_joules: 0 })],
  ]
  it.each(CASES)('%s', (check, row) => {
    const { valid, codes } = checks(row)
    expect(valid).toBe(false)
    expect(codes).toContain(check)
    expect(new Set(codes?.filter((c) => c !== check))).toEqual(new Set())
  })

  it('advises, and does not condemn, where watts pass what a GPU is rated for', () => {
    // 1600 W over 2 GPUs is 800 W each; 1.1 × 700 W is 770 W.
    const row = tokenRow({ avg_power_watts: 1600, output_throughput_tokens_per_sec: 3200 })
    const [result] = read([task([row])]).results
    expect(result?.valid).toBe(true)
    expect(result?.findings).toMatchObject([{ code: 'power_implausible', severity: 'caution' }])
  })

  it('hist: edges, counts and their sum', () => {
    const model = (bins: number[], counts: number[], whole = counts) =>
      jsonFile('models/m.json', {
        model_id: 'org/model',
        task: 'gpqa',
        output_length_distribution: { bins, counts: whole },
        configurations: [{ output_length_distribution: { bins, counts } }],
      })
    const finding = (file: ReturnType<typeof model>) =>
      read([task([tokenRow()]), file]).results[0]?.findings.map((f) => f.message)
    expect(finding(model([0, 1, 2], [3, 4]))).toEqual([])
    expect(finding(model([0, 1], [3, 4]))?.join()).toMatch(/2 bin edges stand around 2 counts/)
    expect(finding(model([0, 1, 1], [3, 4]))?.join()).toMatch(/bin edge 2 does not rise/)
    expect(finding(model([0, 1, 2], [3, -4]))?.join()).toMatch(/count 1 is -4/)
    expect(finding(model([0, 1, 2], [3, 4], [3, 5]))?.join()).toMatch(/add up to 4 in bin 1/)
  })
})

describe('rows that are not as they should be', () => {
  it('gives null and the field for what is missing, null, a text or not finite', () => {
    const bad = tokenRow({
      energy_per_token_joules: '0.5',
      avg_power_watts: null,
      p99_itl_ms: Number.NaN,
    })
    delete bad['avg_output_len']
    const { results, verdicts } = read([task([bad])])
    expect(results[0]?.metrics['energy_per_output_token_j']).toMatchObject({
      value: null,
      reason: 'not_recorded',
    })
    expect(verdicts[0]?.faults).toEqual([
      { field: 'energy_per_token_joules', message: 'is "0.5"; it must be a number' },
      { field: 'avg_power_watts', message: 'is null; it must be a number' },
      { field: 'avg_output_len', message: 'is missing; it is a number' },
      { field: 'p99_itl_ms', message: 'is NaN; it must be a number' },
    ])
  })

  it('loses a row that names no model, and none beside it', () => {
    const { results, verdicts } = read([task([tokenRow({ model_id: 7 }), 'row', tokenRow()])])
    expect(results).toHaveLength(1)
    expect(verdicts.map((v) => [v.row, v.verdict])).toEqual([
      [0, 'lost'],
      [1, 'lost'],
      [2, 'mapped'],
    ])
  })

  it('passes over a row that is there twice to the last digit', () => {
    const { results, verdicts } = read([task([tokenRow(), tokenRow()])])
    expect(results).toHaveLength(1)
    expect(verdicts[1]).toMatchObject({
      verdict: 'ignored',
      message: 'is the same as tasks/gpqa.json, row 0',
    })
  })

  it('keeps unknown tasks, GPUs, precisions and fields', () => {
    const row = tokenRow({ gpu_model: 'Z1', weight_precision: 'int3', new_field: { a: 1 } })
    const { results, fields } = read([task([row], 'new-task')])
    expect(results[0]).toMatchObject({
      task: 'new-task',
      gpu_model: 'Z1',
      precision: 'int3',
      foreign: { new_field: { a: 1 } },
      valid: true,
    })
    expect(fields['new_field']).toBeNull()
  })

  it('does not join a model file whose rows are others', () => {
    const config = (more: object) => ({ ...tokenRow(), ...more })
    const model = (configurations: unknown[]) =>
      jsonFile('models/m.json', { model_id: 'org/model', task: 'gpqa', configurations })
    const off = read([task([tokenRow()]), model([config({ energy_per_token_joules: 0.6 })])])
    expect(off.verdicts.find((v) => v.file === 'models/m.json')).toMatchObject({
      verdict: 'lost',
      message: expect.stringContaining('energy_per_token_joules (0.6, 0.5)'),
    })
    const longer = read([task([tokenRow()]), model([config({}), config({})])])
    expect(longer.verdicts.find((v) => v.file === 'models/m.json')?.message).toMatch(
      /holds 2 rows, and the task file 1 of this model/,
    )
    expect(longer.results).toHaveLength(1)
  })
})
