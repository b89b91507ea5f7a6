import type { ResultMetric } from '../schema/result.ts'
import { createCollector } from './collector.ts'
import { fieldsOf, isObject, type JsonObject, shown } from './fields.ts'
import { eachFile, type Importer } from './importer.ts'
import { resultMetric } from './result-metric.ts'
import { foreignOf, keep, scalarAt, toolResult } from './tool-result.ts'

const SOURCE = 'inferencex'
/** Version of their power fields that is known here. */
const POWER_SCHEMA = 2

/** Their joules, ours: all GPUs over the whole run of a fixed concurrency. */
const ENERGY = [
  ['total_gpu_energy_j', 'energy_gpu_j'],
  ['avg_total_gpu_power_w', 'power_mean_w'],
  ['joules_per_output_token', 'energy_per_output_token_j'],
  ['joules_per_total_token', 'energy_per_total_token_j'],
  ['joules_per_successful_query', 'energy_per_request_j'],
] as const
const FACTS: Readonly<Record<string, string>> = {
  hw: 'gpu_model',
  model: 'model',
  framework: 'engine',
  precision: 'precision',
  tp: 'tensor_parallel',
  ep: 'expert_parallel',
  infmax_model_prefix: 'name',
  conc: 'setup',
  isl: 'setup',
  osl: 'setup',
  image: 'setup',
  spec_decoding: 'setup',
  disagg: 'setup',
  is_multinode: 'setup',
  dp_attention: 'setup',
}

/**
 * InferenceX (InferenceMAX) rows, `agg_*.json` or a list of them. Its rates are per GPU and its headline counts input
 * and output; its latencies are those of a benchmark client whose first token may bear no text, in seconds, and stay
 * under its own names, as do its figures by assumed kilowatts.
 */
export const inferencex: Importer = {
  name: SOURCE,
  title: 'InferenceX agg_*.json',
  detect: ({ content }) => {
    if (content.form !== 'json') return false
    const [first] = Array.isArray(content.value) ? content.value : [content.value]
    return (
      isObject(first) && ['hw', 'framework', 'tput_per_gpu'].every((k) => Object.hasOwn(first, k))
    )
  },
  begin: eachFile((file, options) => {
    const out = createCollector()
    const value = file.content.form === 'json' ? file.content.value : null
    const rows = Array.isArray(value) ? value : [value]
    for (const [i, row] of rows.entries()) {
      const at = Array.isArray(value) ? i : null
      if (!isObject(row)) {
        out.lost(file.path, at, `is ${shown(row)}; a row is a mapping`)
        continue
      }
      const read = fieldsOf(row)
      const model = read.text('model')
      const { optional } = read
      const tensor_parallel = optional.whole('tp')
      const num_gpus = gpusOf(row)
      const metrics: Record<string, ResultMetric> = {}
      const put = (theirs: string, ours: string, told: number | null) => {
        metrics[ours] = resultMetric(ours, told, { window: 'run', provenance: theirs })
      }
      const each = optional.number('output_tput_per_gpu')
      put('output_tput_per_gpu', 'throughput_per_gpu_tok_s', each)
      put('output_tput_per_gpu', 'output_throughput_tok_s', times(each, num_gpus))
      put('tput_per_gpu', 'total_throughput_tok_s', times(read.number('tput_per_gpu'), num_gpus))
      const power = powerOf(row)
      for (const [theirs, ours] of ENERGY)
        put(theirs, ours, power.valid ? optional.number(theirs) : null)
      if (model === null) {
        out.lost(file.path, at, 'does not name its model', read.faults)
        continue
      }
      const scalar = (name: string) => scalarAt(row, name)
      const result = toolResult(file, options, {
        source: SOURCE,
        kind: 'board',
        itself: row,
        row: at,
        name: optional.text('infmax_model_prefix'),
        model,
        engine: optional.text('framework'),
        gpu_model: optional.text('hw')?.toUpperCase() ?? null,
        num_gpus,
        precision: optional.text('precision'),
        tensor_parallel,
        expert_parallel: optional.whole('ep'),
        setup: {
          load: 'fixed concurrency',
          concurrency: optional.number('conc'),
          input_tokens: optional.number('isl'),
          output_tokens: optional.number('osl'),
          image: scalar('image'),
          spec_decoding: scalar('spec_decoding'),
          disagg: scalar('disagg'),
          is_multinode: scalar('is_multinode'),
          dp_attention: scalar('dp_attention'),
        },
        metrics,
        foreign: foreignOf('ix', row),
        notes: [
          'energy is of the whole run with answers of a forced length, edges of the run included',
          ...(power.note === null ? [] : [power.note]),
        ],
      })
      keep(out, inferencex.detect(file), result, read.faults, fieldNames(row))
    }
    return out.done([
      'window of steady state: energy and rates are of the whole run',
      'single requests',
      'latencies by our definitions',
    ])
  }),
}

/** Prefill and decode GPUs together where they are apart. null: a part is not told. */
function gpusOf(row: JsonObject): number | null {
  const whole = (name: string) => {
    const v = row[name]
    return typeof v === 'number' && Number.isSafeInteger(v) && v > 0 ? v : null
  }
  const apart = row['disagg'] === true || row['is_multinode'] === true
  if (apart) {
    const [prefill, decode] = [whole('num_prefill_gpu'), whole('num_decode_gpu')]
    return prefill === null || decode === null ? null : prefill + decode
  }
  const tp = whole('tp')
  if (tp === null) return null
  return tp * (whole('pp') ?? 1) * (whole('pcp_size') ?? 1)
}

function powerOf(row: JsonObject): { valid: boolean; note: string | null } {
  const { power_metric_schema_version: version, power_valid } = row
  if (version === undefined && power_valid === undefined) return { valid: false, note: null }
  if (version !== POWER_SCHEMA)
    return {
      valid: false,
      note: `its power fields are of version ${shown(version)}; only ${POWER_SCHEMA} is known, so no energy is taken`,
    }
  return power_valid === 1 || power_valid === true
    ? { valid: true, note: null }
    : { valid: false, note: `it calls its own power invalid (power_valid ${shown(power_valid)})` }
}

const times = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a * b

const fieldNames = (row: JsonObject): Record<string, string | null> => {
  const energy = new Map<string, string>(ENERGY)
  const rates: Readonly<Record<string, string>> = {
    output_tput_per_gpu: 'output_throughput_tok_s',
    tput_per_gpu: 'total_throughput_tok_s',
  }
  return Object.fromEntries(
    Object.keys(row).map((k) => [
      k,
      energy.get(k) ??
        (Object.hasOwn(rates, k) ? rates[k] : undefined) ??
        (Object.hasOwn(FACTS, k) ? (FACTS[k] as string) : null),
    ]),
  )
}
