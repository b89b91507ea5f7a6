import { describe, expect, test } from 'vitest'
import { energyStars, whPer1000Queries } from '../../../analysis/comparing/energy-stars.ts'
import { reconcileCodecarbon } from '../../../analysis/cost/codecarbon-reconcile.ts'
import { aiEnergyScore } from '../../../analysis/importers/ai-energy-score.ts'
import { codecarbon } from '../../../analysis/importers/codecarbon.ts'
import { codecarbonRow } from '../../../analysis/importers/codecarbon-row.ts'
import { inferencex } from '../../../analysis/importers/inferencex.ts'
import { llenergymeasure } from '../../../analysis/importers/llenergymeasure.ts'
import { optimumBenchmark } from '../../../analysis/importers/optimum-benchmark.ts'
import { prometheus } from '../../../analysis/importers/prometheus.ts'
import type { Result } from '../../../analysis/schema/result.ts'
import { imported, importFixture, importText, onlyResult, value } from '../../support/importing.ts'

const codes = (result: Result | undefined) => result?.findings.map((f) => `${f.code} ${f.severity}`)

describe('optimum-benchmark', () => {
  test('takes the joules of the GPUs over one call of generate', () => {
    const result = onlyResult(optimumBenchmark, importFixture('optimum-benchmark/benchmark.json'))
    // 2e-4 kWh = 720 J; 4 sequences of 10 tokens
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(720, 9)
    expect(value(result, 'energy_per_output_token_j')).toBeCloseTo(18, 9)
    expect(value(result, 'energy_per_request_j')).toBeCloseTo(180, 9)
    expect(result).toMatchObject({
      model: 'double/model',
      engine: 'pytorch',
      setup: { batch_size: 4, input_tokens: 16, output_tokens: 10 },
    })
  })

  test('a GPU of 0 kWh is none, and modelled energies are not measured ones', () => {
    const result = onlyResult(
      optimumBenchmark,
      importFixture('optimum-benchmark/benchmark_report.json'),
    )
    expect(result.metrics['energy_gpu_j']).toMatchObject({ value: null, reason: 'not_recorded' })
    expect(result.metrics['energy_host_j']).toBeUndefined()
    expect(result.foreign['ob.generate.energy.cpu']).toBeGreaterThan(0)
  })

  test('keeps a negative energy of decode, and says why it is one', () => {
    const result = onlyResult(
      optimumBenchmark,
      importFixture('optimum-benchmark/benchmark_report.json'),
    )
    expect(result.foreign['ob.decode.energy.total']).toBeLessThan(0)
    expect(result.provenance.notes.join()).toContain('a difference of two loops')
    expect(result.metrics['energy_decode_j']).toBeUndefined()
  })
})

describe('InferenceX', () => {
  const file = importFixture('inferencex/agg_bmk.json')
  const { results } = imported(inferencex, file)
  const [invalid, together, valid, apart] = results as [Result, Result, Result, Result]
  const rows = file.content.form === 'json' ? (file.content.value as Record<string, unknown>[]) : []
  const told = (row: Record<string, unknown>) =>
    onlyResult(inferencex, importText('agg.json', JSON.stringify(row)))
  /** 1709 and 3970 tokens in 15.822082393000073 s. */
  const output = 1709 / 15.822082393000073
  const total = (2261 + 1709) / 15.822082393000073

  test('multiplies its rates per GPU and keeps joules of the whole run', () => {
    expect(valid).toMatchObject({
      kind: 'board',
      gpu_model: 'H200',
      num_gpus: 2,
      engine: 'vllm',
      setup: { concurrency: 4 },
      batch_limit: null,
    })
    expect(value(valid, 'output_throughput_tok_s')).toBeCloseTo(output, 9)
    expect(value(valid, 'total_throughput_tok_s')).toBeCloseTo(total, 9)
    expect(value(valid, 'throughput_per_gpu_tok_s')).toBeCloseTo(output / 2, 9)
    // 300 W and 500 W over 15.822082 s of its own clock; the mean of all GPUs, not of one.
    expect(value(valid, 'energy_gpu_j')).toBeCloseTo(800 * 15.822082, 2)
    expect(value(valid, 'power_mean_w')).toBe(800)
    expect(valid.metrics['energy_per_output_token_j']).toMatchObject({ window: 'run' })
    expect(value(valid, 'energy_per_output_token_j')).toBeCloseTo((800 * 15.822082) / 1709, 5)
    expect(value(valid, 'energy_per_request_j')).toBeCloseTo((800 * 15.822082) / 40, 4)
  })

  test('takes no joules from a row that calls its power invalid', () => {
    expect(invalid.metrics['energy_per_output_token_j']).toMatchObject({ value: null })
    expect(invalid.provenance.notes.join()).toContain('power_valid 0')
    expect(value(invalid, 'output_throughput_tok_s')).toBeCloseTo(output, 9)
  })

  test('output of GPUs that only decode is per one of those', () => {
    // 4 prefill and 8 decode GPUs of the same load
    expect(apart.num_gpus).toBe(12)
    expect(apart.gpu_model).toBe('GB300')
    expect(value(apart, 'output_throughput_tok_s')).toBeCloseTo(output, 9)
    expect(value(apart, 'throughput_per_gpu_tok_s')).toBeCloseTo(output / 12, 9)
    expect(value(apart, 'total_throughput_tok_s')).toBeCloseTo(total, 9)
    expect(value(apart, 'energy_per_output_token_j')).toBeNull()
    // Later rows tell both.
    const later = told({
      ...rows[3],
      output_tput_per_gpu: output / 12,
      input_tput_per_gpu: (total - output) / 12,
      output_tput_per_decode_gpu: output / 8,
    })
    expect(value(later, 'output_throughput_tok_s')).toBeCloseTo(output, 9)
  })

  test('nodes without GPUs that only decode share the output', () => {
    expect(together).toMatchObject({ gpu_model: 'B200', num_gpus: 16 })
    expect(value(together, 'output_throughput_tok_s')).toBeCloseTo(output, 9)
  })

  test('takes no rate where they don’t add up over the GPUs', () => {
    const odd = told({ ...rows[3], num_decode_gpu: 4 })
    expect(value(odd, 'output_throughput_tok_s')).toBeNull()
    expect(value(odd, 'total_throughput_tok_s')).toBeNull()
    expect(odd.provenance.notes.join()).toContain("don't add up to the whole over 8 GPUs")
  })

  test('a rate per GPU stands where the GPUs are not counted', () => {
    const { tp: _, ...uncounted } = rows[2] ?? {}
    const result = told(uncounted)
    expect(result.num_gpus).toBeNull()
    expect(value(result, 'throughput_per_gpu_tok_s')).toBeCloseTo(output / 2, 9)
    expect(value(result, 'output_throughput_tok_s')).toBeNull()
  })

  test('takes no joules of before their meaning had a version', () => {
    const { power_metric_schema_version: _, ...old } = rows[2] ?? {}
    const result = told(old)
    expect(value(result, 'energy_gpu_j')).toBeNull()
    expect(result.provenance.notes.join()).toContain('tell no version')
    const { power_valid: __, ...older } = old
    expect(told(older).provenance.notes.join()).toContain('tell no version')
  })

  test('the first rows had no engine; a list is known by any of its rows', () => {
    const { hw, conc, model, tput_per_gpu, tp } = rows[2] ?? {}
    const first = told({ hw, conc, model, tput_per_gpu, tp })
    expect(value(first, 'total_throughput_tok_s')).toBeCloseTo(total, 9)
    expect(first).toMatchObject({ engine: null, num_gpus: 2 })
    expect(inferencex.detect(importText('a.json', JSON.stringify([{ hw, conc }, rows[2]])))).toBe(
      true,
    )
  })

  test('keeps latencies of its client under its own names', () => {
    expect(valid.metrics['ttft_ms_p50']).toBeUndefined()
    expect(valid.foreign['ix.median_ttft']).toBe(0.1304994340000576)
  })
})

describe('LLenergyMeasure', () => {
  const four = onlyResult(llenergymeasure, importFixture('llenergymeasure/four-processes.json'))
  const meter = onlyResult(
    llenergymeasure,
    importFixture('llenergymeasure/four-gpus-one-meter.json'),
  )
  const bundle = onlyResult(llenergymeasure, importFixture('llenergymeasure/bundle-2.0.json'))

  test('four processes that each read all GPUs count them four times', () => {
    expect(four.valid).toBe(false)
    expect(codes(four)).toContain('llem_double_count invalid')
    expect(value(four, 'energy_gpu_j')).toBe(64_000)
    expect(four.foreign['lm.estimate_total_energy_over_processes_j']).toBe(16_000)
  })

  describe('a process above one GPU’s rated watts read several', () => {
    const { content } = importFixture('llenergymeasure/four-processes.json')
    const row = content.form === 'json' ? (content.value as Record<string, unknown>) : {}
    const processes = row['process_results'] as Record<string, unknown>[]
    const told = (energy_metrics: object[], change: object = {}) => {
      const process_results = energy_metrics.map((e, i) => ({ ...processes[i], energy_metrics: e }))
      const text = JSON.stringify({ ...row, process_results, ...change })
      return codes(onlyResult(llenergymeasure, importText('x.json', text))) ?? []
    }
    const shares = (joules: number[], seconds: number) =>
      joules.map((gpu_energy_j) => ({ gpu_energy_j, duration_sec: seconds }))

    test('of an A100 of 400 W', () => {
      // 16 kJ in 20 s: 800 W; then at most 340 W.
      expect(told(shares([16_000, 2000, 2000, 2000], 20))).toContain('llem_double_count invalid')
      expect(told(shares([5000, 5600, 6200, 6800], 20))).not.toContain('llem_double_count invalid')
      expect(told(shares([5000, 5600, 6200, 6800], 20)).join()).not.toContain('llem_double_count')
    })

    test('over its own seconds, not those of all', () => {
      // 340 W over the 20 s of all, 850 W over its own 8 s.
      expect(told(shares([5000, 5600, 6200, 6800], 8))).toContain('llem_double_count invalid')
    })

    test('by the limit that the file tells', () => {
      const environment_snapshot = { hardware: { thermal: { default_power_limit_w: 250 } } }
      const some = shares([3600, 4200, 5600, 5200], 20)
      expect(told(some).join()).not.toContain('llem_double_count')
      // 280 W of 250 W
      expect(told(some, { environment_snapshot })).toContain('llem_double_count invalid')
    })

    test('can’t be excluded where processes are not told apart, or watts not known', () => {
      expect(told([])).toContain('llem_double_count caution')
      const nameless = processes.map((p, i) => ({
        ...p,
        gpu_name: '',
        energy_metrics: { gpu_energy_j: 5000 + 600 * i, duration_sec: 20 },
      }))
      expect(told([], { process_results: nameless })).toContain('llem_double_count caution')
    })
  })

  test('several GPUs and one meter hold the energy of one', () => {
    expect(meter.valid).toBe(false)
    expect(codes(meter)).toContain('llem_gpu0_only invalid')
    expect(meter.num_gpus).toBe(4)
  })

  test('has no joules per output token where the kinds of tokens are not told', () => {
    expect(codes(meter)).toContain('llem_denominator info')
    expect(value(meter, 'energy_per_output_token_j')).toBeNull()
    expect(meter.foreign['lm.avg_energy_per_token_j']).toBe(4)
  })

  test('a recorded run: 228.04 J over 640 output and 1280 prompt tokens, and its own warning', () => {
    const run = onlyResult(llenergymeasure, importFixture('llenergymeasure/gpt2-a100.json'))
    expect(run).toMatchObject({ valid: true, model: 'gpt2', engine: 'transformers', num_gpus: 1 })
    expect(codes(run)).toEqual([])
    expect(value(run, 'energy_gpu_j')).toBe(228.03882500813023)
    expect(value(run, 'energy_per_output_token_j')).toBeCloseTo(0.35631066, 8)
    expect(value(run, 'energy_per_total_token_j')).toBeCloseTo(0.11877022, 8)
    // 640 tokens in 4.294965875800699 s; its own 447 tokens/s count the prompt.
    expect(value(run, 'output_throughput_tok_s')).toBeCloseTo(149.01166, 5)
    expect(run.foreign['lm.energy_adjusted_j']).toBe(68.95598090375523)
    expect(run.provenance.notes.join()).toContain('it warns: short_measurement_duration')
  })

  test('later versions tell them: 6000 J over 1000 output and 4000 prompt tokens', () => {
    expect(bundle.valid).toBe(true)
    expect(codes(bundle)).toEqual([])
    expect(value(bundle, 'energy_per_output_token_j')).toBe(6)
    expect(value(bundle, 'energy_per_total_token_j')).toBe(1.2)
    expect(value(bundle, 'output_throughput_tok_s')).toBe(50)
    expect(bundle.num_gpus).toBe(2)
  })
})

describe('AI Energy Score', () => {
  test('takes Wh a query of the board as joules a request, of the task of its file', () => {
    const { results } = imported(
      aiEnergyScore,
      importFixture('ai-energy-score/text_generation.csv'),
    )
    expect(results).toHaveLength(5)
    // 0.004 Wh = 14.4 J
    expect(value(results[2] as Result, 'energy_per_request_j')).toBeCloseTo(14.4, 9)
    expect(results[2]).toMatchObject({ task: 'text_generation', gpu_model: 'H100', kind: 'board' })
    expect(results[2]?.foreign['aes.stars']).toBe(3)
  })

  test('takes rows of its own runner, and none for a run without energy', () => {
    const { results } = imported(aiEnergyScore, importFixture('ai-energy-score/master_results.csv'))
    const [good, modelled, failed] = results as [Result, Result, Result]
    expect(good).toMatchObject({ task: 'text_generation', kind: 'run', setup: { class: 'A' } })
    // 4 Wh = 14 400 J over 8 prompts and 2000 tokens
    expect(value(good, 'energy_per_request_j')).toBe(1800)
    expect(value(good, 'energy_per_output_token_j')).toBeCloseTo(7.2, 9)
    expect(value(good, 'requests_failed')).toBe(2)
    expect(modelled.metrics['energy_gpu_j']).toMatchObject({ value: null })
    expect(value(modelled, 'requests_completed')).toBe(4)
    expect(failed.metrics['energy_gpu_j']).toMatchObject({ value: null })
    expect(failed.foreign['aes.error_message']).toBe('Model not found')
    expect(value(failed, 'requests_completed')).toBe(0)
  })

  test('places a run: a fifth of the models for each star', () => {
    const board = [1, 2, 4, 8, 16]
    expect(whPer1000Queries(14.4)).toBeCloseTo(4, 9)
    expect([0.5, 1.5, 3, 6, 12, 20].map((e) => energyStars(board, e))).toEqual([5, 5, 4, 3, 2, 1])
    expect(energyStars([1, 2, 3, 4], 1)).toBeNull()
  })
})

describe('CodeCarbon', () => {
  const file = importFixture('codecarbon/emissions.csv')

  test('takes its PUE out again', () => {
    const { results } = imported(codecarbon, file)
    const [first] = results as [Result]
    // 1.818142978213158e-6 kWh with a PUE of 1.2
    expect(first.foreign['cc.cpu_energy_without_pue_j']).toBeCloseTo(
      (1.818142978213158e-6 * 3.6e6) / 1.2,
      9,
    )
    // 6.412171898128535e-7 kg over 2.131706083154433e-5 kWh
    expect(first.foreign['cc.implied_g_per_kwh']).toBeCloseTo(30.08, 3)
    expect(first.metrics['energy_gpu_j']).toMatchObject({ value: null, reason: 'no_device' })
    expect(first.metrics['energy_host_j']).toMatchObject({ value: null, reason: 'estimate_only' })
  })

  test('reads the layout of tasks', () => {
    const { results } = imported(codecarbon, importFixture('codecarbon/tasks.csv'))
    expect(results.map((r) => r.setup['task_name'])).toEqual(['prefill', 'decode'])
    expect(results[0]?.provenance.notes.join()).toContain('does not tell its PUE')
  })

  test('refuses shifted rows and takes the others', () => {
    const { content } = file
    const rows = content.form === 'csv' ? content.rows : []
    const shifted = [...rows, (rows[0] as readonly string[]).filter((c) => c !== '')]
    const { results, verdicts } = imported(codecarbon, {
      ...file,
      content: { ...content, rows: shifted } as typeof content,
    })
    expect(results).toHaveLength(2)
    expect(verdicts[2]).toMatchObject({ verdict: 'lost', row: 2 })
    expect(verdicts[2]?.message).toMatch(/^is shifted: it has \d+ values for 38 names/)
  })

  test('a GPU is measured, its energy joules of the machine', () => {
    const text =
      'timestamp,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,gpu_count,gpu_model,pue\n' +
      '2026-01-01T00:00:00,10,0.0006,0.0001,0.001,0.0001,0.0012,1,1 x NVIDIA H100,1.25\n'
    const [result] = imported(codecarbon, importText('e.csv', text)).results as [Result]
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(2880, 9)
    expect(result).toMatchObject({ gpu_model: 'NVIDIA H100', num_gpus: 1 })
  })
})

describe('reconciled with CodeCarbon', () => {
  const header =
    'timestamp,duration,emissions,cpu_energy,gpu_energy,ram_energy,energy_consumed,pue'.split(',')
  // 1000 J GPU, 360 J CPU, 72 J memory at a PUE of 1.25; 500 g/kWh
  const kwh = (j: number) => (j * 1.25) / 3.6e6
  const row = codecarbonRow(header, [
    ...['2026-01-01T00:00:00', '10', String((kwh(1432) * 500) / 1000)],
    ...[kwh(360), kwh(1000), kwh(72), kwh(1432), 1.25].map(String),
  ])

  test('explains the difference line by line, and the lines add up', () => {
    if (row === null) throw new Error('no row')
    const found = reconcileCodecarbon(row, {
      energy_j: { gpu: 980, cpu: 400, ram: null },
      pue: 1.1,
      g_per_kwh: 300,
    })
    const line = (name: string) => found?.lines.find((l) => l.line === name)
    expect(line('gpu')?.delta_kwh).toBeCloseTo((20 * 1.1) / 3.6e6, 15)
    expect(line('cpu')?.delta_kwh).toBeCloseTo((-40 * 1.1) / 3.6e6, 15)
    expect(line('ram')?.words).toMatch(/^not measured here; /)
    expect(line('pue')?.delta_kwh).toBeCloseTo((1432 * 0.15) / 3.6e6, 15)
    expect(line('factor')?.delta_g).toBeCloseTo(kwh(1432) * 200, 12)
    expect(line('remainder')?.delta_kwh).toBeCloseTo(0, 15)
    const sum = (of: (l: { delta_kwh: number; delta_g: number | null }) => number | null) =>
      (found?.lines ?? []).reduce((a, l) => a + (of(l) ?? 0), 0)
    expect((found?.ours_kwh ?? 0) + sum((l) => l.delta_kwh)).toBeCloseTo(kwh(1432), 15)
    expect((found?.ours_g ?? 0) + sum((l) => l.delta_g)).toBeCloseTo(kwh(1432) * 500, 12)
  })
})

describe('Prometheus', () => {
  const energy = importFixture('prometheus/energy.json')
  const tokens = importFixture('prometheus/tokens.json')

  test('counts joules and tokens over the time that all series cover', () => {
    const result = onlyResult(prometheus, energy, tokens)
    // 300 W and 500 W from 20 s to 100 s; 200 tokens/s, 1 request/s
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(64_000, 6)
    expect(value(result, 'power_mean_w')).toBeCloseTo(800, 6)
    expect(value(result, 'output_tokens')).toBeCloseTo(16_000, 6)
    expect(value(result, 'energy_per_output_token_j')).toBeCloseTo(4, 9)
    expect(value(result, 'energy_per_request_j')).toBeCloseTo(800, 6)
    expect(result).toMatchObject({
      model: 'double/model',
      gpu_model: 'NVIDIA H100 80GB HBM3',
      num_gpus: 2,
      setup: { seconds: 80 },
    })
  })

  test('the scrape interval is an uncertainty', () => {
    const { metrics } = onlyResult(prometheus, energy, tokens)
    const part = (name: string) =>
      metrics['energy_gpu_j']?.components?.find((c) => c.name === name)?.value
    // 10 s x sqrt(2) x 300 and 500 W / sqrt(12), in quadrature over GPUs
    expect(part('u_quantisation_j')).toBeCloseTo(
      (10 * Math.hypot(300, 300, 500, 500)) / 12 ** 0.5,
      6,
    )
    // 5 % of 300 W and of 500 W, linear over GPUs
    expect(part('u_sensor_j')).toBeCloseTo(((15 + 25) / 3 ** 0.5) * 80, 6)
    // 10 s x 200 tokens/s at two edges
    expect(metrics['output_tokens']?.components?.[0]?.value).toBeCloseTo(2000 / 6 ** 0.5, 6)
  })

  test('integrates power where there is no counter', () => {
    const result = onlyResult(prometheus, importFixture('prometheus/power.json'))
    // 15 s each: 3750 + 6000 + 3750 J
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(13_500, 6)
    const sampling = result.metrics['energy_gpu_j']?.components?.find(
      (c) => c.name === 'u_sampling_j',
    )
    // twice 300 W x 15 s / 2 / sqrt(3)
    expect(sampling?.value).toBeCloseTo(Math.hypot(2250, 2250) / 3 ** 0.5, 6)
    expect(value(result, 'energy_per_output_token_j')).toBeNull()
  })

  test('a counter that fell is null, never a negative or a small number', () => {
    const { content } = energy
    const text = JSON.stringify(content.form === 'json' ? content.value : null).replace(
      '[1790000050,"20000000"]',
      '[1790000050,"12"]',
    )
    const result = onlyResult(prometheus, importText('reset.json', text))
    expect(result.metrics['energy_gpu_j']).toMatchObject({ value: null, reason: 'counter_reset' })
  })

  test('reads what Prometheus recorded of an engine and its GPUs', () => {
    const result = onlyResult(prometheus, importFixture('prometheus/two-gpus.json'))
    // 251896383047 - 251887383880 and 251903826831 - 251888828219 mJ in 30 s
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(8999.167 + 14_998.612, 6)
    expect(value(result, 'power_mean_w')).toBeCloseTo(23_997.779 / 30, 9)
    expect(value(result, 'output_tokens')).toBe(1873)
    expect(value(result, 'input_tokens')).toBe(2513)
    expect(value(result, 'requests_completed')).toBe(44)
    expect(value(result, 'energy_per_output_token_j')).toBeCloseTo(23_997.779 / 1873, 9)
    expect(result).toMatchObject({ model: 'smollm2-135m', num_gpus: 2, setup: { seconds: 30 } })
  })

  test('a GPU stays one where a pod is placed on it', () => {
    const file = importFixture('prometheus/pod-placed.json')
    const result = onlyResult(prometheus, file)
    // 326513637 - 319397905 mJ in 25 s, over two series each; 2057 - 1873 tokens
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(7115.732, 6)
    expect(value(result, 'output_tokens')).toBe(184)
    expect(value(result, 'requests_completed')).toBe(3)
    expect(result.num_gpus).toBe(1)
    // Of power alone: 100, 100, then 400 W, 5 s apart.
    const { content } = file
    const text = JSON.stringify(content.form === 'json' ? content.value : null)
    const power = onlyResult(
      prometheus,
      importText('power.json', text.replaceAll('TOTAL_ENERGY_CONSUMPTION', 'NVLINK')),
    )
    expect(value(power, 'energy_gpu_j')).toBeCloseTo(500 + 1250 + 3 * 2000, 6)
  })

  test('a request that was given up or failed is not completed', () => {
    const { content } = importFixture('prometheus/two-gpus.json')
    const text = JSON.stringify(content.form === 'json' ? content.value : null)
    const ended = (reason: string) =>
      onlyResult(
        prometheus,
        importText(
          'x.json',
          text.replace('"finished_reason":"length"', `"finished_reason":"${reason}"`),
        ),
      )
    expect(value(ended('other'), 'requests_completed')).toBe(44)
    expect(value(ended('abort'), 'requests_completed')).toBe(0)
  })

  test('files whose times meet are one result, others are their own', () => {
    const recorded = ['two-gpus', 'pod-placed'].map((n) => importFixture(`prometheus/${n}.json`))
    const { results, verdicts } = imported(prometheus, energy, tokens, ...recorded)
    expect(results.map((r) => value(r, 'output_tokens'))).toEqual([16_000, 1873, 184])
    expect(verdicts.map((v) => v.verdict).sort()).toEqual(['ignored', 'mapped', 'mapped', 'mapped'])
  })

  test('the same counter told by two files counts once', () => {
    const file = importFixture('prometheus/two-gpus.json')
    const result = onlyResult(prometheus, file, { ...file, path: 'again.json' })
    expect(value(result, 'output_tokens')).toBe(1873)
    expect(value(result, 'energy_gpu_j')).toBeCloseTo(23_997.779, 6)
  })

  test('says that a query without a name can’t be read', () => {
    const { content } = energy
    const value_ =
      content.form === 'json' ? (content.value as { data: { result: object[] } }) : null
    const nameless = { metric: {}, values: [[1, '2']] }
    const data = { ...value_?.data, result: [...(value_?.data.result ?? []), nameless] }
    const { verdicts } = imported(
      prometheus,
      importText('x.json', JSON.stringify({ status: 'success', data })),
    )
    expect(verdicts[0]?.faults[0]).toMatchObject({ field: 'data.result[2]' })
  })
})
