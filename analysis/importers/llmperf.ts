import type { ResultMetric } from '../schema/result.ts'
import { createCollector } from './collector.ts'
import { fieldsOf, isObject, shown } from './fields.ts'
import { eachFile, type Importer } from './importer.ts'
import { resultMetric } from './result-metric.ts'
import { toldStatistic } from './summary-statistics.ts'
import { foreignOf, keep, numberAt, toolResult } from './tool-result.ts'

const SOURCE = 'llmperf'
/** Its first token is the first content, so the first of the answer; its end is the close of the stream. Seconds. */
const LATENCIES = [
  ['results_ttft_s', 'ttfo_ms'],
  ['results_end_to_end_latency_s', 'e2e_close_ms'],
] as const
const STATISTICS = [
  ['mean', 'mean'],
  ['stddev', 'sd'],
  ['min', 'min'],
  ['max', 'max'],
  ['quantiles_p50', 'p50'],
  ['quantiles_p90', 'p90'],
  ['quantiles_p95', 'p95'],
  ['quantiles_p99', 'p99'],
] as const

/**
 * `*_summary.json` of LLMPerf. Its gaps between tokens hold the time to the first one and its tokens are counted with
 * one fixed tokenizer, so that both stay under its own names.
 */
export const llmperf: Importer = {
  name: SOURCE,
  title: 'LLMPerf *_summary.json',
  detect: ({ content }) =>
    content.form === 'json' &&
    isObject(content.value) &&
    Object.hasOwn(content.value, 'results_num_completed_requests') &&
    Object.keys(content.value).some((k) => k.startsWith('results_ttft_s_')),
  begin: eachFile((file, options) => {
    const out = createCollector()
    const row = file.content.form === 'json' ? file.content.value : null
    if (!isObject(row)) {
      out.lost(file.path, null, `is ${shown(row)}; it must be a mapping`)
      return out.done([])
    }
    const read = fieldsOf(row)
    const fields: Record<string, string | null> = Object.fromEntries(
      Object.keys(row).map((k) => [k, null]),
    )
    const metrics: Record<string, ResultMetric> = {}
    const n = read.whole('results_num_completed_requests')
    for (const [theirs, ours] of LATENCIES)
      for (const [told, statistic] of STATISTICS) {
        const name = `${theirs}_${told}`
        if (!Object.hasOwn(row, name)) continue
        const seconds = read.number(name)
        fields[name] = `${ours}_${statistic}`
        const value = seconds === null ? null : seconds * 1000
        metrics[`${ours}_${statistic}`] = toldStatistic(ours, statistic, value, {
          n,
          provenance: name,
        })
      }
    const counts = [
      ['results_num_completed_requests', 'requests_completed', n],
      ['results_number_errors', 'requests_failed', read.whole('results_number_errors')],
    ] as const
    for (const [theirs, ours, value] of counts) {
      fields[theirs] = ours
      metrics[ours] = resultMetric(ours, value, { window: 'run', n, provenance: theirs })
    }
    fields['model'] = 'model'
    const result = toolResult(file, options, {
      source: SOURCE,
      itself: row,
      row: null,
      name: read.optional.text('name'),
      model: read.text('model'),
      setup: {
        concurrency: numberAt(row, 'num_concurrent_requests'),
        input_tokens: numberAt(row, 'mean_input_tokens'),
        output_tokens: numberAt(row, 'mean_output_tokens'),
      },
      metrics,
      foreign: foreignOf('lp', row),
      notes: ['requests in flight when the tool stops are in no count, failed ones among them'],
    })
    keep(out, llmperf.detect(file), result, read.faults, fields)
    return out.done([
      'energy',
      'single requests and chunks',
      'gaps between tokens: its own hold the time to the first token',
      'tokens by the model’s own tokenizer, so no throughput',
    ])
  }),
}
