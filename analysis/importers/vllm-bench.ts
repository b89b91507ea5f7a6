import type { ResultMetric } from '../schema/result.ts'
import { createCollector } from './collector.ts'
import { fieldsOf, isObject, type JsonObject, shown } from './fields.ts'
import { eachFile, type Fault, type Importer } from './importer.ts'
import {
  isDurationMs,
  requestMetrics,
  type ToldLatency,
  type ToldRequest,
} from './request-metrics.ts'
import { resultMetric } from './result-metric.ts'
import { toldStatistic } from './summary-statistics.ts'
import { foreignOf, keep, numberAt, scalarAt, textAt, toolResult } from './tool-result.ts'

const SOURCE = 'vllm_bench'
const PREFIX = 'vb'

/** Their name of a latency, ours where the two are equal: on completions, whose first chunk bears a token. */
const LATENCIES = [
  ['ttft', 'ttft_ms'],
  ['tpot', 'tpot_ms'],
  ['itl', 'icl_ms'],
  ['e2el', 'e2e_ms'],
] as const
const STATISTICS = [
  ['mean', 'mean'],
  ['median', 'p50'],
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p95', 'p95'],
  ['p99', 'p99'],
  ['p99.9', 'p999'],
] as const
const TOTALS = [
  ['completed', 'requests_completed'],
  ['failed', 'requests_failed'],
  ['total_output_tokens', 'output_tokens'],
  ['total_input_tokens', 'input_tokens'],
  ['output_throughput', 'output_throughput_tok_s'],
  ['total_token_throughput', 'total_throughput_tok_s'],
  ['request_throughput', 'request_throughput_req_s'],
] as const
const FACTS = { model_id: 'model', label: 'name', backend: 'setup', endpoint_type: 'setup' }
const DETAILS = ['start_times', 'ttfts', 'itls', 'output_lens', 'latencies'] as const

/**
 * `vllm bench serve --save-result`. On chat endpoints its first token may be the chunk that only names the role, and its
 * last the one that only ends: those latencies stay under its own names. Its percentiles are linear, as ours; its
 * deviations are of the population, not of a sample.
 */
export const vllmBench: Importer = {
  name: SOURCE,
  title: 'vllm bench serve, --save-result and --save-detailed',
  detect: ({ content }) =>
    content.form === 'json' &&
    isObject(content.value) &&
    ['request_throughput', 'output_throughput', 'completed', 'model_id', 'duration'].every((k) =>
      Object.hasOwn(content.value as object, k),
    ),
  begin: eachFile((file, options) => {
    const out = createCollector()
    const row = file.content.form === 'json' ? file.content.value : null
    if (!isObject(row)) {
      out.lost(file.path, null, `is ${shown(row)}; it must be a mapping`)
      return out.done([])
    }
    const read = fieldsOf(row)
    const chat = isChat(row)
    const requests = detailed(row, read.faults)
    const n = read.whole('completed')
    const metrics: Record<string, ResultMetric> = {}
    const fields: Record<string, string | null> = Object.fromEntries(
      Object.keys(row).map((k) => [k, Object.hasOwn(FACTS, k) ? FACTS[k as 'model_id'] : null]),
    )
    for (const [theirs, ours] of TOTALS) {
      // Older versions don't count failures.
      const value = theirs === 'failed' ? read.optional.number(theirs) : read.number(theirs)
      fields[theirs] = ours
      metrics[ours] = resultMetric(ours, value, { window: 'duration', n, provenance: theirs })
    }
    for (const [theirs, ours] of LATENCIES)
      for (const [told, statistic] of STATISTICS) {
        const name = `${told}_${theirs}_ms`
        if (!Object.hasOwn(row, name)) continue
        fields[name] = chat ? null : `${ours}_${statistic}`
        if (chat) continue
        // The count of gaps is not told; where each request has one they number at least the requests.
        metrics[`${ours}_${statistic}`] = toldStatistic(ours, statistic, read.number(name), {
          n,
          provenance: name,
        })
      }
    if (requests !== null) {
      const own: ToldLatency[] = chat ? [] : ['ttft_ms', 'tpot_ms', 'e2e_ms']
      Object.assign(
        metrics,
        requestMetrics(chat ? requests.map(withoutChunks) : requests, own, 'vllm_bench_requests'),
      )
    }
    const result = toolResult(file, options, {
      source: SOURCE,
      // A file of single requests is known by its hash: its lists are long.
      itself: requests === null ? row : file.sha256,
      row: null,
      name: textAt(row, 'label'),
      model: read.text('model_id'),
      engine: null,
      setup: {
        endpoint: textAt(row, 'endpoint_type') ?? textAt(row, 'backend'),
        concurrency: numberAt(row, 'max_concurrency'),
        request_rate: scalarAt(row, 'request_rate'),
        burstiness: numberAt(row, 'burstiness'),
        requests: numberAt(row, 'num_prompts'),
      },
      metrics,
      foreign: foreignOf(PREFIX, row),
      notes: [
        ...(chat
          ? [
              'of a chat endpoint: its first token may be a chunk without text, so that its latencies stand under its own names',
            ]
          : []),
        requests === null
          ? 'without --save-detailed: statistics as the tool gives them, not recomputed'
          : 'latencies, counts and rates are recomputed from single requests',
      ],
    })
    keep(out, vllmBench.detect(file), result, read.faults, fields)
    return out.done([
      'energy',
      'tokens of each chunk, so no gaps between tokens',
      'when a failed request ended',
      ...(requests === null ? ['single requests'] : []),
    ])
  }),
}

const isChat = (row: JsonObject): boolean =>
  /chat|audio/.test(`${textAt(row, 'endpoint_type') ?? ''} ${textAt(row, 'backend') ?? ''}`)

const withoutChunks = (r: ToldRequest): ToldRequest => ({
  ...r,
  chunk_ms: null,
  first_ms: null,
  first_answer_ms: null,
})

/**
 * The single requests of `--save-detailed`, seconds; null where the lists are not there, or do not fit together (a
 * fault says which). A request without an error and with a latency of 0 told nothing: it counts as failed.
 */
function detailed(row: JsonObject, faults: Fault[]): ToldRequest[] | null {
  if (!Object.hasOwn(row, 'ttfts') || !Object.hasOwn(row, 'start_times')) return null
  const lists = DETAILS.map((name) => row[name])
  const [starts] = lists
  for (const [i, list] of lists.entries()) {
    const field = DETAILS[i] as string
    if (!Array.isArray(list)) {
      faults.push({ field, message: `is ${shown(list)}; it must be a list` })
      return null
    }
    if (list.length !== (starts as unknown[]).length) {
      const message = `has ${list.length} values; start_times has ${(starts as unknown[]).length}`
      faults.push({ field, message })
      return null
    }
  }
  const [start, ttft, itl, lens, latency] = lists as [
    unknown[],
    unknown[],
    unknown[],
    unknown[],
    unknown[],
  ]
  const errors = Array.isArray(row['errors']) ? row['errors'] : []
  const inputs = Array.isArray(row['input_lens']) ? row['input_lens'] : []
  const requests: ToldRequest[] = []
  for (const [i, sent] of start.entries()) {
    if (!isNumber(sent)) {
      faults.push({ field: `start_times[${i}]`, message: `is ${shown(sent)}; it must be a number` })
      return null
    }
    const gaps = itl[i]
    const whole =
      isSeconds(ttft[i]) && isSeconds(latency[i]) && Array.isArray(gaps) && gaps.every(isSeconds)
    if (!whole)
      faults.push({
        field: `ttfts[${i}], itls[${i}], latencies[${i}]`,
        message: `of request ${i} are not all seconds from 0 up; it counts as failed`,
      })
    const failed = !whole || Boolean(errors[i]) || (latency[i] as number) <= 0
    const sent_ms = sent * 1000
    const first = failed ? null : sent_ms + (ttft[i] as number) * 1000
    let t = first ?? 0
    const chunks =
      first === null
        ? null
        : [
            first,
            ...(gaps as number[]).map((g) => {
              t += g * 1000
              return t
            }),
          ]
    requests.push({
      failed,
      sent_ms,
      scheduled_ms: null,
      first_ms: first,
      first_answer_ms: null,
      last_ms: failed ? null : sent_ms + (latency[i] as number) * 1000,
      closed_ms: null,
      chunk_ms: chunks,
      output_tokens: isNumber(lens[i]) ? lens[i] : null,
      input_tokens: isNumber(inputs[i]) ? inputs[i] : null,
    })
  }
  return requests
}

const isNumber = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v)

const isSeconds = (v: unknown): v is number => isNumber(v) && isDurationMs(v * 1000)
