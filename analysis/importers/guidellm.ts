import type { ResultMetric } from '../schema/result.ts'
import { createCollector } from './collector.ts'
import { isObject, type JsonObject, shown } from './fields.ts'
import { eachFile, type Fault, type Importer } from './importer.ts'
import { requestMetrics, type ToldLatency, type ToldRequest } from './request-metrics.ts'
import { resultMetric } from './result-metric.ts'
import { at, foreignOf, keep, numberAt, textAt, toolResult, wholeAt } from './tool-result.ts'

const SOURCE = 'guidellm'
const CLOSED: readonly ToldLatency[] = ['ttft_ms', 'ttfo_ms', 'tpot_ms', 'e2e_ms', 'e2e_close_ms']
const OPEN: readonly ToldLatency[] = [...CLOSED, 'send_lag_ms', 'ttft_sched_ms', 'e2e_sched_ms']
/** Strategies that send by a clock; the others send when a request ends. */
const SCHEDULED = new Set(['constant', 'async', 'poisson', 'replay'])
/** Where their own numbers stand; those of our names are recomputed from single requests. */
const RECOMPUTED: Readonly<Record<string, string>> = {
  'requests.info.timings.request_start': 'ttft_ms',
  'requests.info.timings.first_token_iteration': 'ttft_ms',
  'requests.info.timings.first_output_token_iteration': 'ttfo_ms',
  'requests.info.timings.last_token_iteration': 'e2e_ms',
  'requests.info.timings.request_end': 'e2e_close_ms',
  'requests.info.timings.targeted_start': 'send_lag_ms',
  'requests.output_metrics.text_tokens': 'output_tokens',
  'requests.input_metrics.text_tokens': 'input_tokens',
  'metrics.request_totals.successful': 'requests_completed',
  'metrics.request_totals.errored': 'requests_failed',
}

/**
 * GuideLLM's `benchmarks.json`, one result a benchmark. Each request has its times of sending, first and last token, so
 * that all is recomputed; the gaps between are not kept. Its own "inter token latency" is our `tpot_ms`, its "time per
 * output token" holds the time to the first one, its percentiles are of the inverse distribution, and older versions
 * write 0 for a time that they lack.
 */
export const guidellm: Importer = {
  name: SOURCE,
  title: 'GuideLLM benchmarks.json',
  detect: ({ content }) => {
    if (content.form !== 'json') return false
    const benchmarks = at(content.value, 'benchmarks')
    const told =
      textAt(content.value, 'metadata', 'guidellm_version') !== null ||
      at(content.value, 'args') !== undefined
    return (
      Array.isArray(benchmarks) &&
      (told || benchmarks.some((b) => textAt(b, 'type_') === 'generative_benchmark'))
    )
  },
  begin: eachFile((file, options) => {
    const out = createCollector()
    const value = file.content.form === 'json' ? file.content.value : null
    const benchmarks = at(value, 'benchmarks')
    if (!Array.isArray(benchmarks)) {
      out.lost(file.path, null, `its benchmarks are ${shown(benchmarks)}; they must be a list`)
      return out.done([])
    }
    const version = textAt(value, 'metadata', 'guidellm_version')
    for (const [row, benchmark] of benchmarks.entries()) {
      if (!isObject(benchmark)) {
        out.lost(file.path, row, `is ${shown(benchmark)}; a benchmark is a mapping`)
        continue
      }
      const strategy = at(benchmark, 'config', 'strategy')
      const kind = textAt(strategy, 'type_')
      const faults: Fault[] = []
      const requests = requestsOf(benchmark, faults)
      if (requests === null) {
        out.lost(file.path, row, 'has no single requests with timings', faults)
        continue
      }
      const scheduled = kind !== null && SCHEDULED.has(kind)
      const told = totals(benchmark)
      const listed = requests.length
      const sampled = told.total !== null && told.total > listed
      const metrics: Record<string, ResultMetric> = {
        ...requestMetrics(requests, scheduled ? OPEN : CLOSED, 'guidellm_requests'),
        ...(sampled ? unsampled(told) : {}),
      }
      const result = toolResult(file, options, {
        source: SOURCE,
        // By the file's hash: a benchmark holds all its requests.
        itself: [file.sha256, row],
        row,
        model: textAt(benchmark, 'config', 'backend', 'model'),
        setup: {
          strategy: kind,
          concurrency: numberAt(strategy, 'streams'),
          request_rate: numberAt(strategy, 'rate'),
          request_format: textAt(benchmark, 'config', 'backend', 'request_format'),
        },
        metrics,
        foreign: {
          'gl.guidellm_version': version,
          'gl.id': textAt(benchmark, 'config', 'id_'),
          ...foreignOf('gl', ownNumbers(benchmark), 4),
        },
        notes: sampled
          ? [
              `holds ${listed} of ${told.total} requests: latencies are of these, rates and loads can't be had`,
            ]
          : [],
      })
      keep(out, guidellm.detect(file), result, faults, fieldNames(benchmark))
    }
    return out.done([
      'energy',
      'gaps between tokens: only the first and the last token of a request have a time',
    ])
  }),
}

const totals = (benchmark: JsonObject) => {
  const of = (group: string) => wholeAt(benchmark, 'metrics', 'request_totals', group)
  return {
    total: of('total'),
    successful: of('successful'),
    errored: of('errored'),
  }
}

/** Of a sample of the requests no rate and no load can be counted; the tool's own totals stand. */
function unsampled(told: {
  successful: number | null
  errored: number | null
}): Record<string, ResultMetric> {
  const values: Record<string, number | null> = {
    requests_completed: told.successful,
    requests_failed: told.errored,
    output_tokens: null,
    input_tokens: null,
    output_throughput_tok_s: null,
    input_throughput_tok_s: null,
    total_throughput_tok_s: null,
    request_throughput_req_s: null,
    concurrency_mean: null,
    concurrency_peak: null,
  }
  return Object.fromEntries(
    Object.entries(values).map(([id, value]) => [
      id,
      resultMetric(id, value, { window: 'run', provenance: 'metrics.request_totals' }),
    ]),
  )
}

/** null: no list of successful requests, or none with timings. Requests cut off by the end are no failures. */
function requestsOf(benchmark: JsonObject, faults: Fault[]): ToldRequest[] | null {
  const lists = ['successful', 'errored'].map((group) => at(benchmark, 'requests', group))
  const [successful, errored] = lists.map((list) => (Array.isArray(list) ? list : []))
  if (!Array.isArray(lists[0])) {
    faults.push({
      field: 'requests.successful',
      message: `is ${shown(lists[0])}; it must be a list`,
    })
    return null
  }
  // Wall-clock seconds are subtracted before they are multiplied: a millisecond keeps its digits.
  const origin_s = [...(successful ?? []), ...(errored ?? [])].reduce(
    (m: number, r) => Math.min(m, numberAt(r, 'info', 'timings', 'request_start') || m),
    Number.POSITIVE_INFINITY,
  )
  const all = [
    ...(successful ?? []).map((r, i) =>
      requestOf(r, origin_s, false, `requests.successful[${i}]`, faults),
    ),
    ...(errored ?? []).map((r, i) =>
      requestOf(r, origin_s, true, `requests.errored[${i}]`, faults),
    ),
  ]
  const known = all.filter((r) => r !== null)
  return all.length > 0 && known.length === 0 ? null : known
}

function requestOf(
  request: unknown,
  origin_s: number,
  failed: boolean,
  field: string,
  faults: Fault[],
): ToldRequest | null {
  const timings = at(request, 'info', 'timings')
  const time = (name: string): number | null => {
    const value = at(timings, name)
    if (value === null || value === undefined) return null
    // 0 is the year 1970: a time that it does not have.
    if (typeof value === 'number' && Number.isFinite(value))
      return value > 0 ? (value - origin_s) * 1000 : null
    faults.push({
      field: `${field}.info.timings.${name}`,
      message: `is ${shown(value)}; it must be a number`,
    })
    return null
  }
  const sent_ms = time('request_start')
  if (sent_ms === null) {
    faults.push({
      field: `${field}.info.timings.request_start`,
      message: 'is missing; without it the request has no place in time, and is left out',
    })
    return null
  }
  const first_ms = failed ? null : time('first_token_iteration')
  return {
    failed,
    sent_ms,
    scheduled_ms: time('targeted_start'),
    first_ms,
    first_answer_ms: failed ? null : time('first_output_token_iteration'),
    last_ms: failed ? null : time('last_token_iteration'),
    closed_ms: time('request_end') ?? time('resolve_end'),
    chunk_ms: null,
    output_tokens: tokens(request, 'output_metrics'),
    input_tokens: tokens(request, 'input_metrics'),
  }
}

const tokens = (request: unknown, side: string): number | null =>
  wholeAt(request, side, 'total_tokens') ?? wholeAt(request, side, 'text_tokens')

/** What it computed itself, without the requests and its configuration. */
const ownNumbers = (benchmark: JsonObject): JsonObject => ({
  metrics: at(benchmark, 'metrics') ?? null,
  scheduler_metrics: at(benchmark, 'scheduler_metrics') ?? null,
  duration: at(benchmark, 'duration') ?? null,
  start_time: at(benchmark, 'start_time') ?? null,
  end_time: at(benchmark, 'end_time') ?? null,
})

const fieldNames = (benchmark: JsonObject): Record<string, string | null> => {
  const metrics = at(benchmark, 'metrics')
  const names = isObject(metrics) ? Object.keys(metrics) : []
  return {
    ...RECOMPUTED,
    'config.backend.model': 'model',
    ...Object.fromEntries(
      names.filter((n) => n !== 'request_totals').map((n) => [`metrics.${n}`, null]),
    ),
  }
}
