import { describe, expect, test } from 'vitest'
import { aiperf } from '../../../analysis/importers/aiperf.ts'
import { guidellm } from '../../../analysis/importers/guidellm.ts'
import { llmperf } from '../../../analysis/importers/llmperf.ts'
import { vllmBench } from '../../../analysis/importers/vllm-bench.ts'
import { imported, importFixture, importText, onlyResult, value } from '../../support/importing.ts'

const records = importFixture('aiperf/profile_export.jsonl')
const summary = importFixture('aiperf/profile_export_aiperf.json')

describe('AIPerf', () => {
  test('recomputes from single records what the tool itself tells of them', () => {
    const result = onlyResult(aiperf, records, summary)
    // The figures of profile_export_aiperf.json, which are linear percentiles too.
    expect(value(result, 'ttft_ms_p50')).toBeCloseTo(29.916229, 6)
    expect(value(result, 'ttft_ms_mean')).toBeCloseTo(30.860473125, 6)
    expect(value(result, 'ttst_ms_p95')).toBeCloseTo(8.4853151, 6)
    expect(value(result, 'tpot_ms_p90')).toBeCloseTo(7.2648597, 6)
    expect(value(result, 'e2e_ms_mean')).toBeCloseTo(80.610833375, 6)
    expect(value(result, 'icl_ms_p90')).toBeCloseTo(8.617268699999999, 6)
    // 64 tokens / its benchmark_duration; its own throughput takes a longer span.
    expect(value(result, 'output_throughput_tok_s')).toBeCloseTo(64 / 0.337832448, 2)
  })

  test('leaves the warm-up out and counts failures, never as 0 ms', () => {
    const result = onlyResult(aiperf, records)
    expect(value(result, 'requests_completed')).toBe(8)
    expect(value(result, 'requests_failed')).toBe(2)
    expect(value(result, 'ttft_ms_min')).toBeGreaterThan(25)
    // Nearest rank 9 of 10, of which the two slowest failed.
    expect(result.metrics['ttft_ms_with_failures_p90']).toMatchObject({
      value: null,
      reason: 'failures_dominate',
    })
    expect(result.provenance.notes).toContain('2 requests of the warm-up are left out')
  })

  test('knows model and load from the summary beside, and keeps its numbers under its own names', () => {
    const result = onlyResult(aiperf, records, summary)
    expect(result).toMatchObject({ model: 'double', setup: { concurrency: 2, endpoint: 'chat' } })
    expect(result.foreign['ap.inter_token_latency.p50']).toBeCloseTo(7.0835274, 6)
    expect(onlyResult(aiperf, records).model).toBeNull()
  })

  test('takes a summary alone as it is, without the tails of few requests', () => {
    const result = onlyResult(aiperf, summary)
    expect(value(result, 'tpot_ms_p50')).toBeCloseTo(7.0835274, 6)
    expect(result.metrics['ttft_ms_p99']).toMatchObject({ value: null, reason: 'n_too_small' })
    // Its deviation is that of a population.
    expect(result.metrics['ttft_ms_sd']).toBeUndefined()
  })

  test('has no joules: AIPerf counts them over another window than tokens', () => {
    const result = onlyResult(aiperf, records, summary)
    expect(Object.keys(result.metrics).filter((id) => id.startsWith('energy'))).toEqual([])
  })

  test('takes the one file of a run, not those of its phases', () => {
    const phase = { ...summary, path: 'phases/warmup/profile_export_aiperf.json' }
    const { results, verdicts } = imported(aiperf, records, summary, phase)
    expect(results).toHaveLength(1)
    expect(verdicts.map((v) => v.verdict).sort()).toEqual(['ignored', 'ignored', 'mapped'])
  })
})

describe('GuideLLM', () => {
  const result = onlyResult(guidellm, importFixture('guidellm/benchmarks.json'))

  test('recomputes from the times of each request', () => {
    // The tool's own means over the same six requests: inter_token_latency_ms, request_latency.
    expect(value(result, 'tpot_ms_mean')).toBeCloseTo(7.358806473868233, 6)
    expect(value(result, 'e2e_close_ms_mean')).toBeCloseTo(84.17046070098877, 5)
    expect(result.foreign['gl.metrics.time_to_first_token_ms.successful.count']).toBe(6)
    expect(value(result, 'ttft_ms_mean')).toBeCloseTo(
      result.foreign['gl.metrics.time_to_first_token_ms.successful.mean'] as number,
      5,
    )
  })

  test('counts the failed request and gives it no latency of 0', () => {
    expect(value(result, 'requests_completed')).toBe(6)
    expect(value(result, 'requests_failed')).toBe(1)
    expect(value(result, 'ttft_ms_min')).toBeGreaterThan(20)
    expect(result.metrics['ttft_ms_mean']?.n).toBe(6)
  })

  test('has no gaps between tokens and no lag behind a schedule that a closed loop has not', () => {
    expect(result.metrics['itl_ms_p50']).toBeUndefined()
    expect(result.metrics['icl_ms_p50']).toBeUndefined()
    expect(result.metrics['send_lag_ms_p50']).toBeUndefined()
    expect(result).toMatchObject({
      model: 'double',
      setup: { strategy: 'concurrent', concurrency: 2 },
    })
  })
})

describe('vllm bench serve', () => {
  const detailed = onlyResult(vllmBench, importFixture('vllm-bench/detailed.json'))
  const plain = onlyResult(vllmBench, importFixture('vllm-bench/plain.json'))

  test('recomputes from single requests what the tool itself tells of them', () => {
    expect(value(detailed, 'ttft_ms_mean')).toBeCloseTo(32.17313649990198, 6)
    expect(value(detailed, 'ttft_ms_p90')).toBeCloseTo(37.35393250008201, 6)
    expect(value(detailed, 'tpot_ms_p50')).toBeCloseTo(7.048980357077588, 6)
    expect(value(detailed, 'e2e_ms_p50')).toBeCloseTo(82.60836949921213, 6)
    expect(value(detailed, 'icl_ms_p90')).toBeCloseTo(8.602428999438416, 6)
    expect(detailed.metrics['icl_ms_p90']?.n).toBe(36)
    expect(value(detailed, 'output_tokens')).toBe(48)
  })

  test('counts the failed request and gives it no latency of 0', () => {
    expect(value(detailed, 'requests_failed')).toBe(1)
    expect(value(detailed, 'ttft_ms_min')).toBeCloseTo(25.052958999367547, 6)
    expect(value(plain, 'requests_failed')).toBe(2)
  })

  test('takes statistics as they are where single requests were not saved', () => {
    expect(value(plain, 'ttft_ms_p50')).toBeCloseTo(29.723235000346904, 9)
    expect(plain.metrics['ttft_ms_p99']).toMatchObject({ value: null, reason: 'n_too_small' })
    expect(value(plain, 'output_throughput_tok_s')).toBeCloseTo(173.60395359020694, 9)
    expect(plain.metrics['output_throughput_tok_s']?.window).toBe('duration')
    expect(plain.foreign['vb.std_ttft_ms']).toBeCloseTo(4.982252250482156, 9)
  })

  test('keeps latencies of chat endpoints under its own names: the first chunk may bear no token', () => {
    const chat = importText(
      'chat.json',
      JSON.stringify({ ...plainRow(), endpoint_type: 'openai-chat', backend: 'openai-chat' }),
    )
    const result = onlyResult(vllmBench, chat)
    expect(result.metrics['ttft_ms_p50']).toBeUndefined()
    expect(result.foreign['vb.median_ttft_ms']).toBeCloseTo(29.723235, 6)
    expect(value(result, 'requests_completed')).toBe(6)
  })

  test('is invalid where its numbers contradict one another', () => {
    const row = { ...plainRow(), p90_ttft_ms: 1 }
    const result = onlyResult(vllmBench, importText('x.json', JSON.stringify(row)))
    expect(result).toMatchObject({ valid: false, findings: [{ code: 'identity_broken' }] })
    expect(plain).toMatchObject({ valid: true, findings: [] })
  })

  test('says which list of single requests does not fit', () => {
    const { results, verdicts } = imported(
      vllmBench,
      importText('x.json', JSON.stringify({ ...detailedRow(), ttfts: [0.1] })),
    )
    expect(results).toHaveLength(1)
    expect(verdicts[0]?.faults).toEqual([
      { field: 'ttfts', message: 'has 1 values; start_times has 7' },
    ])
  })
})

const rowOf = (path: string): object => {
  const { content } = importFixture(path)
  return content.form === 'json' ? (content.value as object) : {}
}
const plainRow = () => rowOf('vllm-bench/plain.json')
const detailedRow = () => rowOf('vllm-bench/detailed.json')

describe('LLMPerf', () => {
  const result = onlyResult(llmperf, importFixture('llmperf/double_60_8_summary.json'))

  test('maps the first content and the close of the stream, in ms', () => {
    expect(value(result, 'ttfo_ms_p50')).toBeCloseTo(32.32996000042476, 9)
    expect(value(result, 'e2e_close_ms_mean')).toBeCloseTo(82.43992499956221, 9)
    expect(value(result, 'e2e_close_ms_sd')).toBeCloseTo(11.47866802853572, 9)
    expect(value(result, 'requests_completed')).toBe(7)
    expect(value(result, 'requests_failed')).toBe(0)
  })

  test('keeps gaps and throughput under its own names', () => {
    expect(result.metrics['itl_ms_p50']).toBeUndefined()
    expect(result.metrics['tpot_ms_p50']).toBeUndefined()
    expect(result.metrics['output_throughput_tok_s']).toBeUndefined()
    expect(result.foreign['lp.results_inter_token_latency_s_mean']).toBeCloseTo(0.0104686, 6)
  })
})
