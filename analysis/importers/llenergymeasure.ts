import type { ResultMetric } from '../schema/result.ts'
import { type Collector, createCollector } from './collector.ts'
import { fieldsOf, isObject, type JsonObject, shown } from './fields.ts'
import type { Importer, ImportFile, ImportOptions, Reading } from './importer.ts'
import {
  denominator,
  doubleCount,
  gpu0Only,
  gpuName,
  gpusUsed,
  processesOf,
} from './llenergymeasure-checks.ts'
import {
  type Beside,
  checkBeside,
  energyBeside,
  isTimeseries,
} from './llenergymeasure-timeseries.ts'
import { resultMetric } from './result-metric.ts'
import { at, foreignOf, keep, numberAt, textAt, toolResult, wholeAt } from './tool-result.ts'

const SOURCE = 'llenergymeasure'
const FIELDS: Readonly<Record<string, string>> = {
  total_energy_j: 'energy_gpu_j',
  output_tokens: 'output_tokens',
  input_tokens: 'input_tokens',
  model_name: 'model',
  backend: 'engine',
  engine: 'engine',
  effective_config: 'setup',
  'server_metrics.completed_count': 'requests_completed',
  'server_metrics.error_count': 'requests_failed',
  'server_metrics.timeout_count': 'requests_failed',
}

/**
 * LLenergyMeasure's `result.json`, schema 2.0 and the bundle 2.0 of later versions. Its joules are those of the GPUs that
 * it read; where it added up processes or read one GPU of several, the result is invalid and keeps its number. The powers
 * that it writes beside (`timeseries.parquet`) tell whether joules were counted more than once.
 */
export const llenergymeasure: Importer = {
  name: SOURCE,
  title: 'LLenergyMeasure result.json, with timeseries.parquet beside it',
  detect: ({ content }) => {
    if (isTimeseries(content)) return true
    if (content.form !== 'json' || !isObject(content.value)) return false
    const has = (name: string) => Object.hasOwn(content.value as object, name)
    return (
      has('total_energy_j') &&
      has('avg_energy_per_token_j') &&
      (has('measurement_config_hash') || has('declared_config_hash'))
    )
  },
  begin,
}

/** Results wait for the powers beside them, of which only joules are kept. */
function begin(options: ImportOptions): Reading {
  const results: ImportFile[] = []
  const powers = new Map<string, Beside | null>()
  return {
    take(file) {
      if (isTimeseries(file.content)) powers.set(file.path, energyBeside(file.content))
      else results.push(file)
    },
    done() {
      const out = createCollector()
      const lacks = new Set<string>()
      for (const file of results) {
        const path = besidePath(file)
        const beside = path === null ? undefined : powers.get(path)
        for (const what of readResult(file, options, beside ?? null, out)) lacks.add(what)
        if (path === null || beside === undefined) continue
        powers.delete(path)
        out.ignored(
          path,
          null,
          beside === null
            ? `lies beside ${file.path}, and lacks powers`
            : `its powers were held against the joules of ${file.path}`,
        )
      }
      for (const path of powers.keys()) out.ignored(path, null, 'no result beside it names it')
      return out.done([...lacks])
    },
  }
}

/** Where the file says that its powers lie: a name in its own folder. */
function besidePath({ path, content }: ImportFile): string | null {
  const name = content.form === 'json' ? textAt(content.value, 'timeseries') : null
  return name === null ? null : [...path.split('/').slice(0, -1), name].join('/')
}

/** @returns what the format cannot tell */
function readResult(
  file: ImportFile,
  options: ImportOptions,
  beside: Beside | null,
  out: Collector,
): readonly string[] {
  const row = file.content.form === 'json' ? file.content.value : null
  if (!isObject(row)) {
    out.lost(file.path, null, `is ${shown(row)}; it must be a mapping`)
    return []
  }
  const read = fieldsOf(row)
  const processes = processesOf(row)
  const said = beside === null ? null : checkBeside(row, processes, gpusUsed(row), beside)
  const counted = said === null ? doubleCount(row) : said === 'once' ? null : said
  const findings = [counted, gpu0Only(row), denominator(row)].filter((f) => f !== null)
  const config = at(row, 'effective_config')
  const total_j = read.number('total_energy_j')
  const seconds =
    processes === null || processes === 1 ? numberAt(row, 'total_inference_time_sec') : null
  const result = toolResult(file, options, {
    source: SOURCE,
    itself: row,
    row: null,
    model: textAt(row, 'model_name') ?? textAt(config, 'model') ?? textAt(config, 'model_name'),
    engine: textAt(row, 'engine') ?? textAt(row, 'backend'),
    gpu_model: gpuName(row),
    num_gpus: gpusUsed(row),
    precision:
      textAt(config, 'dtype') ?? textAt(config, 'precision') ?? textAt(config, 'fp_precision'),
    setup: {
      serving_mode: textAt(row, 'serving_mode'),
      batch_size: numberAt(config, 'batch_size'),
      processes,
    },
    metrics: metricsOf(row, total_j, seconds),
    findings,
    foreign: {
      ...foreignOf('lm', row, 2),
      ...(processes !== null && processes > 1 && total_j !== null
        ? { 'lm.estimate_total_energy_over_processes_j': total_j / processes }
        : {}),
    },
    notes: [
      'its ± 5 % is a sentence, not an uncertainty of this run; energy less its baseline subtracts too much and is not taken',
      ...warningsOf(row).map((warning) => `it warns: ${warning}`),
      ...(processes !== null && processes > 1
        ? [
            'seconds are summed over processes and its tokens per second are a mean of them: neither is taken',
          ]
        : []),
    ],
  })
  const fields = Object.fromEntries(
    Object.keys(row).map((k) => [k, Object.hasOwn(FIELDS, k) ? (FIELDS[k] as string) : null]),
  )
  keep(out, llenergymeasure.detect(file), result, read.faults, fields)
  return [
    'which meter its joules are from, and their uncertainty',
    ...(numberAt(row, 'output_tokens') === null
      ? ['prompt and output tokens apart, so no joules per output token']
      : []),
    'single requests, gaps between tokens, concurrency',
  ]
}

const warningsOf = (row: JsonObject): string[] => {
  const told = row['measurement_warnings']
  return Array.isArray(told) ? told.filter((w) => typeof w === 'string') : []
}

function metricsOf(
  row: JsonObject,
  total_j: number | null,
  seconds: number | null,
): Record<string, ResultMetric> {
  const output = wholeAt(row, 'output_tokens')
  const input = wholeAt(row, 'input_tokens')
  const served = at(row, 'server_metrics')
  const errors = wholeAt(served, 'error_count')
  const timeouts = wholeAt(served, 'timeout_count')
  const over = (a: number | null, b: number | null) =>
    a === null || b === null || b <= 0 ? null : a / b
  const values: Record<string, number | null> = {
    energy_gpu_j: total_j,
    energy_per_output_token_j: over(total_j, output),
    energy_per_total_token_j: over(
      total_j,
      output === null || input === null ? null : output + input,
    ),
    output_tokens: output,
    input_tokens: input,
    output_throughput_tok_s: over(output, seconds),
    ...(isObject(served)
      ? {
          requests_completed: wholeAt(served, 'completed_count'),
          requests_failed: errors === null || timeouts === null ? null : errors + timeouts,
        }
      : {}),
  }
  return Object.fromEntries(
    Object.entries(values).map(([id, value]) => [
      id,
      resultMetric(id, value, { window: 'total', provenance: 'llenergymeasure' }),
    ]),
  )
}
