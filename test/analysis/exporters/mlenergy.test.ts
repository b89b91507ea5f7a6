import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resultTaskRow, taskFile } from '../../../analysis/exporters/mlenergy.ts'
import { runTaskRow } from '../../../analysis/exporters/mlenergy-run.ts'
import { pythonJson } from '../../../analysis/exporters/python-json.ts'
import { summarise } from '../../../analysis/summary.ts'
import { simulatedRun } from '../../support/simulated-run.ts'
import { BOARD, jsonFile, read, tokenRow } from '../importers/mlenergy-files.ts'

const parsed = (text: string, path = 'tasks/x.json') => jsonFile(path, JSON.parse(text))

describe('a task file', () => {
  it.each(['gpqa', 'lm-arena-chat', 'text-to-image'])(
    '%s leaves as it came, byte for byte',
    (name) => {
      const text = readFileSync(join(BOARD, 'tasks', `${name}.json`), 'utf8')
      const value = JSON.parse(text)
      const { results } = read([parsed(text)])
      const rows = results.map(resultTaskRow)
      const out = taskFile(value.task, value.task_display_name, rows, value.architecture ?? null)
      expect(out === text).toBe(true)
    },
  )

  it('comes back with every number bit for bit, whatever the numbers are', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(
        number,
        number,
        fc.integer({ min: 0 }),
        fc.string(),
        (energy, itl, batch, name) => {
          const row = tokenRow({
            energy_per_token_joules: energy,
            p99_itl_ms: itl,
            max_num_seqs: batch,
            nickname: name,
          })
          const [first] = read([jsonFile('a.json', { task: 't', configurations: [row] })]).results
          const text = taskFile('t', 't', [resultTaskRow(first as never)])
          const [second] = read([parsed(text)]).results
          const of = (id: string) => second?.metrics[id]?.value ?? null
          expect([of('energy_per_output_token_j'), of('itl_ms_p99')]).toEqual([energy, itl])
          expect([second?.batch_limit, second?.name]).toEqual([batch, name])
        },
      ),
    )
  })
})

describe('JSON as Python writes it', () => {
  it.each<[unknown, string]>([
    [14, '14.0'],
    [0.1, '0.1'],
    [1e-5, '1e-05'],
    [0.0001, '0.0001'],
    [1.5e-7, '1.5e-07'],
    [1e16, '1e+16'],
    [123456789012345680, '1.2345678901234568e+17'],
    [9007199254740991, '9007199254740991.0'],
    [-0, '-0.0'],
    [null, 'null'],
    [[], '[]'],
    [{}, '{}'],
    ['Σ\u{1f600}"\\\n\u007f', '"\\u03a3\\ud83d\\ude00\\"\\\\\\n\\u007f"'],
  ])('%j is %s', (value, text) => expect(pythonJson(value, () => true)).toBe(text))

  it('writes whole numbers that are no floats as they are, keys sorted', () => {
    expect(pythonJson({ b: 8, a_x: 8 }, (k) => k === 'a_x')).toBe('{\n  "a_x": 8.0,\n  "b": 8\n}')
  })
})

describe('a run of ours as a row', () => {
  const facts = {
    task: 'gpqa',
    model: 'HuggingFaceTB/SmolLM2-135M',
    gpu_model: 'NVIDIA H100 80GB HBM3',
    num_gpus: 1,
    precision: 'bf16',
    batch_limit: 8,
    tensor_parallel: null,
  }
  const run = simulatedRun()
  const summary = summarise(run)
  const exported = runTaskRow(run, summary, facts, 'f'.repeat(64))
  const value = (id: string) => summary.metrics[id]?.value

  it('takes gross board joules over tokens of the same window', () => {
    expect(exported.row).toMatchObject({
      model_id: 'HuggingFaceTB/SmolLM2-135M',
      nickname: 'SmolLM2-135M',
      gpu_model: 'H100',
      weight_precision: 'bfloat16',
      tensor_parallel: 1,
      expert_parallel: 1,
      data_parallel: 1,
      energy_per_token_joules: value('energy_per_output_token_j'),
      avg_power_watts: value('power_mean_w'),
    })
    expect(exported.refused).toEqual([])
  })

  it('meets the identities of the format when it is read again, number for number', () => {
    const text = taskFile('gpqa', 'GPQA', [exported.row])
    const [result] = read([parsed(text)]).results
    expect(result?.findings).toEqual([])
    const x_llem = result?.foreign['x_llem']
    expect(x_llem).toEqual(JSON.parse(JSON.stringify(exported.row['x_llem'])))
    for (const [ours, theirs] of [
      ['energy_per_output_token_j', 'energy_per_token_joules'],
      ['energy_per_request_j', 'energy_per_request_joules'],
      ['power_mean_w', 'avg_power_watts'],
      ['output_throughput_tok_s', 'output_throughput_tokens_per_sec'],
      ['output_tokens_per_request', 'avg_output_len'],
      ['itl_ms_p50', 'median_itl_ms'],
      ['itl_ms_p99', 'p99_itl_ms'],
    ] as const)
      expect(result?.metrics[ours]?.value).toBe(exported.row[theirs])
  })

  it('lists what strict readers would stumble over', () => {
    expect(exported.strict.map((f) => f.field)).toEqual([
      'architecture',
      'total_params_billions',
      'activated_params_billions',
      'avg_batch_size',
    ])
  })

  const refused = (change: Partial<typeof facts>) =>
    runTaskRow(run, summary, { ...facts, ...change }, '').refused.map((f) => f.field)
  it('refuses local paths, mixed GPUs and runs without one', () => {
    expect(refused({ model: '/models/x' })).toEqual(['model_id'])
    expect(refused({ model: 'x.gguf' })).toEqual(['model_id'])
    expect(refused({ gpu_model: 'A100, H100' })).toEqual(['gpu_model'])
    expect(refused({ num_gpus: 0 })).toEqual(['energy_per_token_joules'])
  })

  it('counts the batch limit of all data parallel ranks together', () => {
    const command = ['vllm', 'serve', 'm', '--max-num-seqs', '8', '--data-parallel-size=4']
    const raw = { ...run.experiment.raw, engine: { name: 'openai', command } }
    const parallel = { ...run, experiment: { ...run.experiment, raw } }
    const { row } = runTaskRow(parallel, summary, { ...facts, num_gpus: 4, tensor_parallel: 1 }, '')
    expect(row).toMatchObject({ max_num_seqs: 32, data_parallel: 4, expert_parallel: 1 })
  })

  it('splits over several GPUs only as it was said', () => {
    const row = (
      change: Partial<Omit<typeof facts, 'tensor_parallel'>> & { tensor_parallel?: number },
    ) => runTaskRow(run, summary, { ...facts, ...change }, '').row
    expect(row({ num_gpus: 4 })).toMatchObject({ tensor_parallel: null, data_parallel: null })
    expect(row({ num_gpus: 4, tensor_parallel: 4 })).toMatchObject({
      tensor_parallel: 4,
      expert_parallel: 1,
      data_parallel: 1,
    })
  })
})
