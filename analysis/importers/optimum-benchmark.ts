import type { ResultMetric } from '../schema/result.ts'
import { J_PER_KWH } from '../schema/units.ts'
import { createCollector } from './collector.ts'
import { isObject, shown } from './fields.ts'
import { eachFile, type Fault, type Importer } from './importer.ts'
import { resultMetric } from './result-metric.ts'
import { at, foreignOf, keep, numberAt, textAt, toolResult, wholeAt } from './tool-result.ts'

const SOURCE = 'optimum_benchmark'
const PARTS = ['load_model', 'first_generate', 'generate', 'prefill', 'decode', 'per_token']
/** One call of `generate` for the whole batch, in a loop of its own. */
const WINDOW = 'generate'

/**
 * optimum-benchmark's `benchmark_report.json`, and `benchmark.json`, which holds it beside its configuration. Latency and
 * energy are taken in loops of their own, prefill in one more, and decode is their difference, which may be negative: so
 * only the joules of the GPUs over `generate` are ours. Those of CPU and memory are modelled.
 */
export const optimumBenchmark: Importer = {
  name: SOURCE,
  title: 'optimum-benchmark benchmark_report.json and benchmark.json',
  detect: ({ content }) => content.form === 'json' && reportOf(content.value) !== null,
  begin: eachFile((file, options) => {
    const out = createCollector()
    const value = file.content.form === 'json' ? file.content.value : null
    const report = reportOf(value)
    if (report === null) {
      out.lost(file.path, null, `is ${shown(value)}; it must hold a report`)
      return out.done([])
    }
    const config = at(value, 'config')
    const faults: Fault[] = []
    const gpu_j = gpuJoules(report, faults)
    const shapes = at(config, 'scenario', 'input_shapes')
    const batch = wholeAt(shapes, 'batch_size')
    const tokens = newTokens(config, batch)
    const beside = { window: WINDOW, provenance: 'codecarbon' }
    const metrics: Record<string, ResultMetric> = {
      energy_gpu_j: resultMetric('energy_gpu_j', gpu_j, beside),
      energy_compute_j: resultMetric('energy_compute_j', gpu_j, beside),
      energy_per_output_token_j: resultMetric(
        'energy_per_output_token_j',
        gpu_j === null || tokens === null ? null : gpu_j / tokens,
        beside,
      ),
      energy_per_request_j: resultMetric(
        'energy_per_request_j',
        gpu_j === null || batch === null || batch === 0 ? null : gpu_j / batch,
        beside,
      ),
    }
    const decode_kwh = numberAt(report, 'decode', 'energy', 'total')
    const result = toolResult(file, options, {
      source: SOURCE,
      itself: value,
      row: null,
      name: textAt(config, 'name'),
      task: textAt(config, 'backend', 'task'),
      model: textAt(config, 'backend', 'model'),
      engine: textAt(config, 'backend', 'name'),
      batch_limit: batch,
      setup: {
        batch_size: batch,
        input_tokens: wholeAt(shapes, 'sequence_length'),
        output_tokens: tokens !== null && batch ? tokens / batch : null,
      },
      metrics,
      foreign: foreignOf('ob', report),
      notes: [
        'energy comes from loops of its own, not from those whose latency is told',
        ...(decode_kwh !== null && decode_kwh < 0
          ? [`its energy of decode is ${decode_kwh} kWh: a difference of two loops, kept as told`]
          : []),
        ...(config === undefined
          ? ['without its configuration: model, batch and lengths are not told']
          : []),
      ],
    })
    const fields = Object.fromEntries(
      PARTS.filter((p) => isObject(report[p])).flatMap((part) =>
        Object.keys(report[part] as object).map((k) => [
          `${part}.${k}`,
          part === 'generate' && k === 'energy' ? 'energy_gpu_j' : null,
        ]),
      ),
    )
    keep(out, optimumBenchmark.detect(file), result, faults, fields)
    return out.done([
      'load: it calls the model itself, one batch after the other',
      'single requests and tokens’ arrivals',
      'energy of the same calls as latency',
      'measured energy of CPU and memory',
    ])
  }),
}

function reportOf(value: unknown): Readonly<Record<string, unknown>> | null {
  const report = at(value, 'report') ?? value
  if (!isObject(report)) return null
  const told = PARTS.filter((p) => isObject(report[p]))
  const fits = told.some(
    (p) => at(report, p, 'latency') !== undefined || at(report, p, 'energy') !== undefined,
  )
  return told.length >= 2 && fits ? report : null
}

/** null where no GPU was read: the tool writes 0 for that. */
function gpuJoules(report: object, faults: Fault[]): number | null {
  const energy = at(report, 'generate', 'energy')
  const gpu = at(energy, 'gpu')
  if (gpu === undefined || gpu === null) return null
  const unit = textAt(energy, 'unit')
  if (typeof gpu !== 'number' || !Number.isFinite(gpu) || unit !== 'kWh') {
    const message = `is ${shown(gpu)} ${shown(unit)}; it must be a number of kWh`
    faults.push({ field: 'generate.energy.gpu', message })
    return null
  }
  return gpu > 0 ? gpu * J_PER_KWH : null
}

/** Tokens that a call makes: told only where as many are forced as are allowed. */
function newTokens(config: unknown, batch: number | null): number | null {
  const kwargs = at(config, 'scenario', 'generate_kwargs')
  const most = wholeAt(kwargs, 'max_new_tokens')
  return batch === null || most === null || most === 0 || wholeAt(kwargs, 'min_new_tokens') !== most
    ? null
    : batch * most || null
}
