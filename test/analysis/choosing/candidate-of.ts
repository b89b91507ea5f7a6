import type { Candidate, CandidateMetric } from '../../../analysis/choosing/candidate.ts'
import { resultMetricOf } from '../../../analysis/schema/result-metric.ts'

/** A number with a whole and a repeatable half-width; null: no range is known. */
export function number(
  id: string,
  value: number | null,
  half: number | null = null,
  repeat_half = half,
): CandidateMetric {
  const around = (h: number | null, sign: number) =>
    value === null || h === null ? null : value + sign * h
  return {
    value,
    unit: resultMetricOf(id)?.unit ?? '1',
    low: around(half, -1),
    high: around(half, 1),
    repeat_low: around(repeat_half, -1),
    repeat_high: around(repeat_half, 1),
    reason: value === null ? 'not_recorded' : null,
    scope: id.startsWith('energy') ? 'gpu' : null,
  }
}

/** A configuration with so many joules per output token at so many milliseconds between tokens. */
export function candidate(
  id: string,
  joules: number | null,
  itl_ms: number | null,
  more: Partial<Candidate> & { half?: number; repeat_half?: number; itl_half?: number } = {},
): Candidate {
  const { half, repeat_half, itl_half, ...fields } = more
  return {
    id,
    kind: 'run',
    source: 'local',
    name: null,
    experiment_key: `key-${id}`,
    member_ids: [id],
    task: 'chat',
    model: 'm',
    engine: 'vllm',
    gpu_model: 'H100',
    num_gpus: 1,
    precision: null,
    batch_limit: null,
    tensor_parallel: null,
    work: 'task chat',
    devices: ['GPU-1'],
    cautions: [],
    values: new Map([['batch', id]]),
    ...fields,
    metrics: {
      energy_per_output_token_j: number('energy_per_output_token_j', joules, half, repeat_half),
      itl_ms_p50: number('itl_ms_p50', itl_ms, itl_half),
      ...fields.metrics,
    },
  }
}
