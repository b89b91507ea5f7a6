import { describe, expect, it } from 'vitest'
import { IMPORTERS } from '../../../analysis/importers/list.ts'
import { smoothedGaps } from '../../../analysis/importers/mlenergy-itl.ts'
import { importFixture } from '../../support/importing.ts'
import { jsonFile, read } from './mlenergy-files.ts'

const gaps = (itl: unknown[]) => {
  const out: number[] = []
  smoothedGaps(itl, (g) => out.push(Number(g.toFixed(12))))
  return out
}

describe('gaps between tokens', () => {
  it('shares a gap out over the tokens that came bundled behind it', () => {
    expect(gaps([0.1, 0.2])).toEqual([0.1, 0.2])
    expect(gaps([0.3, 0, 0, 0.1])).toEqual([0.1, 0.1, 0.1, 0.1])
  })
  it('drops leading zeros, skips negatives and what is no number', () => {
    expect(gaps([0, 0, 0.2])).toEqual([0.2])
    expect(gaps([-1, 0.2, -0.5, 0, Number.NaN, '1', null])).toEqual([0.1, 0.1])
    expect(gaps([0, 0])).toEqual([])
  })
})

/** 4 requests (one failed) over 2 GPUs: 6000 J in a steady window of 25 s, 0.5 J a token. */
const raw = (change: Record<string, unknown> = {}) => ({
  date: '20260101-120000',
  endpoint_type: 'openai-chat',
  model_id: 'org/model',
  seed: 48105,
  num_prompts: 4,
  gpu_model: 'H100',
  num_gpus: 2,
  max_num_seqs: 8,
  request_rate: 'inf',
  duration: 60,
  completed: 3,
  total_input_tokens: 300,
  total_output_tokens: 600,
  request_throughput: 0.05,
  output_throughput: 10,
  total_token_throughput: 15,
  steady_state_duration: 25,
  steady_state_energy: 6000,
  steady_state_energy_per_token: 0.5,
  steady_state_measurement: { time: 25, gpu_energy: { '0': 2500, '1': 3500 } },
  timeline: {
    steady_state_start_time: 1000,
    steady_state_end_time: 1025,
    power: {
      device_instant: {
        // Constant 100 W and 140 W, with a sample outside on either side.
        '0': [
          [990, 100],
          [1010, 100],
          [1030, 100],
        ],
        '1': [
          [990, 140],
          [1030, 140],
        ],
      },
    },
  },
  median_ttft_ms: 50,
  p99_ttft_ms: 80,
  median_itl_ms: 0,
  results: [
    { success: true, itl: [0.03, 0, 0, 0.01], prompt: 'p', output_text: 'secret' },
    { success: true, itl: [0.02, 0.02] },
    { success: true, itl: [] },
    { success: false, itl: [9] },
  ],
  ...change,
})
const PATH = 'llm/h100/current/run/llm/gpqa/results/org/model/H100/tensor_parallel+2/results.json'

describe('results.json of a token task', () => {
  const scrape = jsonFile('prometheus.json', {
    collection_interval: 1,
    steady_state_start_time: 1000,
    steady_state_end_time: 1025,
    steady_state_stats: { 'vllm:num_requests_running': 7.5, 'vllm:kv_cache_usage_perc': null },
    timeline: [],
  })
  const { results, verdicts } = read([jsonFile(PATH, raw()), scrape])
  const [result] = results
  const metric = (id: string) => result?.metrics[id]

  it('counts joules over the steady window, all GPUs', () => {
    expect(metric('energy_per_output_token_j')).toMatchObject({ value: 0.5, window: 'steady' })
    expect(metric('energy_gpu_j')?.value).toBe(6000)
    expect(metric('power_mean_w')?.value).toBe(240)
    // 240 W / 0.5 J a token; 0.5 J a token × 600 tokens / 3 requests.
    expect(metric('output_throughput_tok_s')?.value).toBe(480)
    expect(metric('energy_per_request_j')?.value).toBe(100)
    expect(metric('output_throughput_tok_s@run')).toMatchObject({ value: 10, window: 'run' })
  })

  it('counts gaps anew, bundled tokens shared out, failures left out', () => {
    // Pooled: 10, 10, 10, 10 and 20, 20 ms.
    expect(metric('itl_ms_p50')).toMatchObject({ value: 10, n: 6, window: 'run' })
    expect(metric('itl_ms_p99')?.value).toBeCloseTo(20, 9)
    expect(metric('requests_failed')?.value).toBe(1)
    expect(result?.foreign['median_itl_ms']).toBe(0)
  })

  it('keeps latencies that mean the same, the rest under their own names, and no text', () => {
    expect(metric('ttft_ms_p50')).toMatchObject({ value: 50, n: 3 })
    expect(metric('ttft_ms_p90')).toMatchObject({ value: null, reason: 'not_recorded' })
    expect(result?.foreign).toMatchObject({ seed: 48105, duration: 60 })
    expect(JSON.stringify(result)).not.toContain('secret')
  })

  it('reads the task and the parallelism from the folders', () => {
    expect(result).toMatchObject({ task: 'gpqa', tensor_parallel: 2, kind: 'run', batch_limit: 8 })
  })

  it('joins the record of the engine by the window', () => {
    expect(metric('batch_size_mean')?.value).toBe(7.5)
    expect(verdicts.map((v) => v.verdict).sort()).toEqual(['ignored', 'mapped'])
    expect(result?.findings).toEqual([])
  })

  it('has no identity for a record of another window', () => {
    const { verdicts: all } = read([
      jsonFile(PATH, raw({ timeline: { steady_state_start_time: 1, steady_state_end_time: 2 } })),
      scrape,
    ])
    expect(all.find((v) => v.file === 'prometheus.json')).toMatchObject({ verdict: 'lost' })
  })

  const codes = (change: Record<string, unknown>) =>
    read([jsonFile(PATH, raw(change))]).results[0]?.findings.map((f) => [
      f.code,
      f.evidence['reason'] ?? f.evidence['check'],
    ])
  it('raw: the sum of the GPUs must be the steady energy, the power samples near it', () => {
    expect(codes({ steady_state_energy: 6001 })).toContainEqual(['identity_broken', 'raw'])
    const timeline = {
      ...raw().timeline,
      power: {
        device_instant: {
          '0': [
            [990, 300],
            [1030, 300],
          ],
        },
      },
    }
    // 300 W × 25 s = 7500 J against 6000 J of the counters.
    expect(codes({ timeline })).toEqual([['energy_source_disagreement', 'raw']])
  })
  it('raw: a sample holds until the next, the last to the end of the window', () => {
    const held = (samples: unknown) =>
      codes({
        timeline: { ...raw().timeline, power: { device_instant: { '0': samples } } },
      })
    // 100 W for 20 s and 800 W for 5 s; a straight line between them would be 11,250 J.
    const drawn = [
      [1000, 100],
      [1020, 800],
    ]
    expect(held(drawn)).toEqual([])
    expect(held([[990, 240]])).toEqual([])
    expect(held([[990, 300]])).toEqual([['energy_source_disagreement', 'raw']])
  })
  it('tells unstable runs in the words of the tool', () => {
    expect(codes({ steady_state_duration: 12 })).toEqual([
      ['short_steady_state', 'short_steady_state:12'],
    ])
    expect(codes({ steady_state_duration: null })?.[0]?.[1]).toBe('short_steady_state:None')
  })
  it('takes the old name of energy per token', () => {
    const { steady_state_energy_per_token: _, ...old } = raw({ energy_per_token_joules: 0.5 })
    const value = read([jsonFile(PATH, old)]).results[0]?.metrics['energy_per_output_token_j']
      ?.value
    expect(value).toBe(0.5)
  })

  it('does not trust larger batches behind one that is not stable', () => {
    const file = (max_num_seqs: number, steady_state_duration: number) =>
      jsonFile(
        `run/llm/gpqa/${max_num_seqs}/x/results.json`,
        raw({ max_num_seqs, steady_state_duration }),
      )
    const found = read([file(8, 30), file(16, 5), file(32, 30), file(64, 30)]).results
    const cascade = found.map(
      (r) => r.findings.find((f) => f.code === 'cascade_unstable')?.evidence['reason'],
    )
    expect(cascade).toEqual([
      undefined,
      undefined,
      'cascade_from_unstable_batch:16',
      'cascade_from_unstable_batch:16',
    ])
  })
})

describe('a run of the benchmark itself', () => {
  const at =
    'mlenergy/run/llm/length-control/results/smollm2-135m/FAKE/num_gpus+2+max_num_seqs+8+num_request_repeats+1+num_requests+48+input_mean+40+output_mean+60+pareto_a+2.5+seed+48105'
  const files = ['results', 'prometheus'].map((name) => importFixture(`${at}/${name}.json`))
  const { results, verdicts } = read(files)
  const of = (id: string) => results[0]?.metrics[id]

  it('is shown to this reader before that of vLLM’s own client', () => {
    for (const file of files) expect(IMPORTERS.find((i) => i.detect(file))?.name).toBe('mlenergy')
  })

  it('is one result without a finding, the engine’s record joined to it', () => {
    expect(results).toHaveLength(1)
    expect(results[0]).toMatchObject({
      model: 'smollm2-135m',
      task: 'length-control',
      gpu_model: 'FAKE',
      num_gpus: 2,
      batch_limit: 8,
      valid: true,
      findings: [],
    })
    expect(verdicts.map((v) => v.verdict).sort()).toEqual(['ignored', 'mapped'])
    expect(of('batch_size_mean')?.value).toBeCloseTo(7.869565, 6)
  })

  it('counts joules over the steady window: 7122 and 9264 J, 1952 tokens, 22.610072 s', () => {
    expect(of('energy_gpu_j')?.value).toBe(16_386)
    expect(of('energy_per_output_token_j')?.value).toBeCloseTo(16_386 / 1952, 12)
    expect(of('power_mean_w')?.value).toBeCloseTo(16_386 / 22.610072374343872, 9)
    expect(of('output_throughput_tok_s')?.value).toBeCloseTo(1952 / 22.610072374343872, 9)
    expect(of('energy_per_request_j')?.value).toBeCloseTo(((16_386 / 1952) * 2570) / 48, 9)
  })

  it('counts 2522 gaps of 48 answers, the zero before each first one left out', () => {
    // 2570 tokens less the first of each answer; worked out apart, percentiles linear.
    expect(of('itl_ms_p50')).toMatchObject({ n: 2522 })
    expect(of('itl_ms_mean')?.value).toBeCloseTo(82.024321, 6)
    expect(of('itl_ms_p50')?.value).toBeCloseTo(72.300242, 6)
    expect(of('itl_ms_p99')?.value).toBeCloseTo(287.156163, 6)
    // Its own, of all 2570 with those zeros.
    expect(results[0]?.foreign['median_itl_ms']).toBeCloseTo(72.21474, 6)
  })
})

describe('results.json of an image task', () => {
  const value = {
    model_id: 'org/painter',
    batch_size: 4,
    num_iterations: 2,
    height: 1024,
    width: 768,
    inference_steps: 20,
    iteration_energy_measurements: [
      { time: 2, gpu_energy: { '0': 900, '1': 1100 } },
      { time: 3, gpu_energy: { '0': 1000, '1': 1000 } },
    ],
    configurations: { ulysses_degree: 2, ring_degree: 1 },
  }
  it('means over iterations: all GPUs / batch; joules / seconds', () => {
    const [result] = read([
      jsonFile(
        'diffusion/b200/current/run/diffusion/text-to-image/org/painter/a-1/results.json',
        value,
      ),
    ]).results
    expect(result).toMatchObject({
      task: 'text-to-image',
      gpu_model: 'b200',
      num_gpus: 2,
      batch_limit: 4,
      setup: { image_height: 1024, image_width: 768, ulysses_degree: 2, inference_steps: 20 },
      valid: true,
    })
    const of = (id: string) => result?.metrics[id]?.value
    expect(of('energy_per_image_j')).toBe(500)
    expect(of('power_mean_w')).toBe(800)
    expect(of('batch_latency_s')).toBe(2.5)
    expect(of('image_throughput_img_s')).toBe(1.6)
  })
  it('leaves out an iteration that is not in numbers, and says so', () => {
    const iteration_energy_measurements = [...value.iteration_energy_measurements, { time: 'x' }]
    const { results, verdicts } = read([
      jsonFile('results.json', { ...value, iteration_energy_measurements }),
    ])
    expect(results[0]?.metrics['energy_per_image_j']?.n).toBe(2)
    expect(verdicts[0]?.faults.map((f) => f.field)).toContain('iteration_energy_measurements.2')
  })
  it('is a video with frames', () => {
    const [result] = read([jsonFile('results.json', { ...value, num_frames: 81, fps: 16 })]).results
    expect(result?.metrics['energy_per_video_j']?.value).toBe(500)
    expect(result?.setup).toMatchObject({ num_frames: 81, fps: 16, video_height: 1024 })
  })
})
