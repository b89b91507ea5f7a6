import type { ResultMetric } from '../schema/result.ts'
import { createCollector } from './collector.ts'
import { fieldsOf, isObject, type JsonObject, shown } from './fields.ts'
import { eachFile, type Importer } from './importer.ts'
import { resultMetric } from './result-metric.ts'
import { foreignOf, keep, numberAt, scalarAt, toolResult, wholeAt } from './tool-result.ts'

const SOURCE = 'inferencex'
/** Version of their power fields that is known here. */
const POWER_SCHEMA = 2
/** Its rates are quotients of the same two numbers, so that they add up but for rounding. */
const RATE_TOLERANCE = 1e-3

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
    const rows: readonly unknown[] = Array.isArray(content.value) ? content.value : [content.value]
    // A list may also hold rows of replayed sessions, which tell their rates otherwise.
    return rows.some(
      (row) =>
        isObject(row) &&
        ['hw', 'conc', 'model', 'tput_per_gpu'].every((k) => Object.hasOwn(row, k)),
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
      const gpus = gpusOf(row)
      const added = ratesAddUp(row, gpus)
      const metrics: Record<string, ResultMetric> = {}
      const put = (theirs: string, ours: string, number: number | null) => {
        metrics[ours] = resultMetric(ours, number, { window: 'run', provenance: theirs })
      }
      const each = read.number('tput_per_gpu')
      const told = optional.number('output_tput_per_gpu')
      const output = times(told, gpus.output)
      const outputEach = isApart(row) ? over(output, gpus.all) : told
      put('output_tput_per_gpu', 'throughput_per_gpu_tok_s', added ? outputEach : null)
      put('output_tput_per_gpu', 'output_throughput_tok_s', added ? output : null)
      put('tput_per_gpu', 'total_throughput_tok_s', added ? times(each, gpus.all) : null)
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
        gpu_model: gpuOf(optional.text('hw')),
        num_gpus: gpus.all,
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
          ...(added
            ? []
            : [
                `its rates of input and output don't add up to the whole over ${gpus.all} GPUs, so that how many each is over is not known and none is taken`,
              ]),
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

/** The GPUs that a rate per GPU is over. null: a part is not told. */
interface Gpus {
  readonly all: number | null
  readonly input: number | null
  readonly output: number | null
}

/**
 * Where prefill and decode are apart, the whole is per GPU of both, input per prefill GPU and output per decode GPU, or
 * per GPU of both where nothing decodes apart. Rows that tell `output_tput_per_decode_gpu` beside it are over all.
 */
function gpusOf(row: JsonObject): Gpus {
  const whole = (name: string) => wholeAt(row, name)
  const alike = (n: number | null): Gpus => ({ all: n, input: n, output: n })
  if (isApart(row)) {
    const [prefill, decode] = [whole('num_prefill_gpu'), whole('num_decode_gpu')]
    if (prefill === null || decode === null || prefill + decode === 0) return alike(null)
    const all = prefill + decode
    if (Object.hasOwn(row, 'output_tput_per_decode_gpu')) return alike(all)
    return { all, input: prefill, output: decode > 0 ? decode : all }
  }
  const tp = whole('tp')
  if (tp === null || tp === 0) return alike(null)
  return alike(tp * (whole('pp') ?? 1) * (whole('pcp_size') ?? 1))
}

const isApart = (row: JsonObject): boolean =>
  [row['disagg'], row['is_multinode']].some((v) => v === true || v === 'true')

/** Whether input and output are the whole over these GPUs; true where one of them is not told. */
function ratesAddUp(row: JsonObject, gpus: Gpus): boolean {
  const all = times(numberAt(row, 'tput_per_gpu'), gpus.all)
  const input = times(numberAt(row, 'input_tput_per_gpu'), gpus.input)
  const output = times(numberAt(row, 'output_tput_per_gpu'), gpus.output)
  if (all === null || input === null || output === null) return true
  return Math.abs(input + output - all) <= RATE_TOLERANCE * Math.max(all, input + output)
}

/** The GPU in the name of a runner: `gb300` of `cluster:gb300-nv`, `mi355x` of `mi355x-amd_0`. */
const gpuOf = (hw: string | null): string | null =>
  hw === null
    ? null
    : hw
        .replace(/^cluster:/, '')
        .replace(/[-_].*$/, '')
        .toUpperCase()

function powerOf(row: JsonObject): { valid: boolean; note: string | null } {
  const { power_metric_schema_version: version, power_valid } = row
  if (version === undefined) {
    const told = power_valid !== undefined || ENERGY.some(([name]) => Object.hasOwn(row, name))
    return {
      valid: false,
      note: told
        ? 'its power fields tell no version, and before version 2 some were of one role alone: no energy is taken'
        : null,
    }
  }
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
const over = (a: number | null, b: number | null): number | null =>
  a === null || b === null || b === 0 ? null : a / b

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
