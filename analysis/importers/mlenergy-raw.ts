import { type Result, type ResultMetric, resultId } from '../schema/result.ts'
import { sum } from '../stats/moments.ts'
import { percentileOfSorted } from '../stats/percentile.ts'
import { type Fields, fieldsOf, isObject, type JsonObject } from './fields.ts'
import type { Fault } from './importer.ts'
import { energyFindings } from './mlenergy-energy.ts'
import { OTHER_TOLERANCE, rowFindings } from './mlenergy-identities.ts'
import { smoothedGaps } from './mlenergy-itl.ts'
import { pathFacts } from './mlenergy-path.ts'
import { SOURCE } from './mlenergy-row.ts'
import { resultMetric } from './result-metric.ts'
import { NOTHING } from './tool-result.ts'

/** What of a run's file is kept until the engine's record of the same window is there. */
export interface RawRun {
  readonly result: Result
  readonly faults: readonly Fault[]
  readonly fields: Readonly<Record<string, string | null>>
  /** Unix seconds, by which `prometheus.json` is found. */
  readonly steady_start_s: number | null
  readonly steady_end_s: number | null
  readonly steady_s: number | null
}

/** Latencies of the file, over the whole run and its successful requests: equal to ours by definition. */
const LATENCIES = { ttft: 'ttft_ms', tpot: 'tpot_ms', e2el: 'e2e_ms' } as const
const STATISTICS = { mean: 'mean', median: 'p50', p90: 'p90', p95: 'p95', p99: 'p99' } as const

/**
 * One run's `results.json` of a token task. Gaps between tokens are counted anew, since the file's own percentiles pool
 * the zeros of bundled tokens; its other numbers are taken where they mean the same here.
 */
export function rawRun(
  value: JsonObject,
  file: { readonly path: string; readonly sha256: string; readonly notes: readonly string[] },
  revision: string | null,
): RawRun | { readonly result: null; readonly faults: readonly Fault[] } {
  const read = fieldsOf(value)
  const model = read.text('model_id')
  if (model === null) return { result: null, faults: read.faults }
  const metrics: Record<string, ResultMetric> = {}
  const fields: Record<string, string> = { model_id: 'model' }
  const put = (
    id: string,
    number: number | null,
    window: string,
    theirs: string,
    n?: number | null,
  ) => {
    metrics[id] = resultMetric(id, number, { window, provenance: theirs, n: n ?? null })
    if (Object.hasOwn(value, theirs)) fields[theirs] ??= id
  }
  const completed = read.whole('completed')
  const steady_s = read.number('steady_state_duration')
  const energy_j = read.number('steady_state_energy')
  const perToken = perTokenOf(read)
  const power_w = quotient(energy_j, steady_s)
  const length = quotient(read.number('total_output_tokens'), completed)
  const throughput = quotient(power_w, perToken.value)
  put('energy_per_output_token_j', perToken.value, 'steady', perToken.name)
  put('energy_gpu_j', energy_j, 'steady', 'steady_state_energy')
  put('power_mean_w', power_w, 'steady', 'steady_state_energy / steady_state_duration')
  put('output_throughput_tok_s', throughput, 'steady', 'power / energy per token')
  put(
    'energy_per_request_j',
    product(perToken.value, length),
    'steady',
    'energy per token × length',
  )
  put('output_tokens_per_request', length, 'run', 'total_output_tokens / completed', completed)
  put('output_throughput_tok_s@run', read.number('output_throughput'), 'run', 'output_throughput')
  put('request_throughput_req_s', read.number('request_throughput'), 'run', 'request_throughput')
  put(
    'total_throughput_tok_s',
    read.optional.number('total_token_throughput'),
    'run',
    'total_token_throughput',
  )
  put('requests_completed', completed, 'run', 'completed')
  put('output_tokens', read.number('total_output_tokens'), 'run', 'total_output_tokens')
  put('input_tokens', read.number('total_input_tokens'), 'run', 'total_input_tokens')
  for (const [theirs, ours] of Object.entries(LATENCIES))
    for (const [statistic, key] of Object.entries(STATISTICS)) {
      const name = `${statistic}_${theirs}_ms`
      put(`${ours}_${key}`, read.optional.number(name), 'run', name, completed)
    }
  const requests = requestNumbers(value['results'])
  for (const [key, p] of Object.entries(ITL))
    put(`itl_ms_${key}`, p(requests.gaps_ms), 'run', 'results[].itl', requests.gaps_ms.length)
  put('requests_failed', requests.failed, 'run', 'results[].success')
  const path = pathFacts(file.path)
  const batch_limit = read.whole('max_num_seqs')
  const num_gpus = read.whole('num_gpus')
  const gpu_model = read.text('gpu_model')
  const setup = setupOf(read, path.modality)
  const named = { ...KNOWN, ...fields }
  const foreign = scalars(value, new Set([...Object.keys(named), ...read.asked]))
  const { degrees } = path
  const findings = [
    ...rowFindings(
      {
        energy_per_token_joules: perToken.value,
        avg_power_watts: power_w,
        num_gpus,
        ...degrees,
      },
      gpu_model,
      OTHER_TOLERANCE,
    ),
    ...energyFindings(value, energy_j),
  ]
  const timeline = fieldsOf(isObject(value['timeline']) ? value['timeline'] : {})
  const result: Result = {
    ...NOTHING,
    result_id: resultId(SOURCE, file.sha256, revision),
    source: SOURCE,
    task: path.task,
    model,
    gpu_model,
    num_gpus,
    batch_limit,
    ...degrees,
    setup,
    metrics,
    foreign,
    valid: findings.every((f) => f.severity !== 'invalid'),
    findings,
    provenance: {
      file: file.path,
      file_sha256: file.sha256,
      row: null,
      revision: revision ?? read.optional.text('date'),
      notes: [...file.notes, ...requests.notes],
    },
  }
  return {
    result,
    faults: read.faults,
    fields: named,
    steady_s,
    steady_start_s: timeline.optional.number('steady_state_start_time'),
    steady_end_s: timeline.optional.number('steady_state_end_time'),
  }
}

const KNOWN: Readonly<Record<string, string>> = {
  gpu_model: 'gpu_model',
  num_gpus: 'num_gpus',
  max_num_seqs: 'batch_limit',
  results: 'itl_ms',
}

/** The name changed in 2025; both mean joules of all GPUs per output token of the steady window. */
function perTokenOf(read: Fields): { name: string; value: number | null } {
  const old = read.optional.number('energy_per_token_joules')
  return old === null
    ? { name: 'steady_state_energy_per_token', value: read.number('steady_state_energy_per_token') }
    : { name: 'energy_per_token_joules', value: old }
}

function setupOf(read: Fields, modality: string | null): Result['setup'] {
  const { text, number, whole } = read.optional
  const setup: Record<string, string | number | null> = {}
  const put = (name: string, value: string | number | null) => {
    if (value !== null) setup[name] = value
  }
  put('modality', modality)
  put('endpoint_type', text('endpoint_type'))
  for (const name of ['num_prompts', 'num_request_repeats', 'max_num_batched_tokens'] as const)
    put(name, whole(name))
  put('max_concurrency', whole('max_concurrency'))
  put('burstiness', number('burstiness'))
  return setup
}

const ITL = {
  mean: (sorted: Float64Array) => (sorted.length === 0 ? null : sum(sorted) / sorted.length),
  p50: (sorted: Float64Array) => percentileOfSorted(sorted, 0.5),
  p90: (sorted: Float64Array) => percentileOfSorted(sorted, 0.9),
  p95: (sorted: Float64Array) => percentileOfSorted(sorted, 0.95),
  p99: (sorted: Float64Array) => percentileOfSorted(sorted, 0.99),
} as const

/** Gaps pooled over the successful requests, in ms, ascending; and what failed. */
function requestNumbers(results: unknown) {
  const gaps: number[] = []
  if (!Array.isArray(results))
    return { gaps_ms: new Float64Array(0), failed: null, notes: ['the file holds no requests'] }
  let failed = 0
  let odd = 0
  for (const r of results) {
    if (!isObject(r) || typeof r['success'] !== 'boolean') odd++
    else if (!r['success']) failed++
    else if (Array.isArray(r['itl'])) smoothedGaps(r['itl'], (gap_s) => gaps.push(gap_s * 1000))
  }
  return {
    gaps_ms: Float64Array.from(gaps).sort(),
    failed,
    notes: odd > 0 ? [`${odd} requests do not tell whether they succeeded; left out`] : [],
  }
}

/** Numbers and short texts at the top of the file that became nothing here. */
function scalars(value: JsonObject, taken: ReadonlySet<string>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([name, v]) =>
        !taken.has(name) &&
        (v === null ||
          ['number', 'boolean'].includes(typeof v) ||
          (typeof v === 'string' && v.length <= 200)),
    ),
  )
}

const quotient = (a: number | null, b: number | null): number | null =>
  a === null || b === null || b === 0 ? null : a / b
const product = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a * b
