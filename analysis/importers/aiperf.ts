import type { ResultMetric } from '../schema/result.ts'
import {
  AIPERF_FIELDS,
  AIPERF_LATENCIES,
  type AiperfLine,
  type AiperfRecords,
  aiperfRecords,
} from './aiperf-records.ts'
import { createCollector } from './collector.ts'
import { isObject, shown } from './fields.ts'
import type { Fault, Importer, ImportFile } from './importer.ts'
import { requestMetrics } from './request-metrics.ts'
import { resultMetric } from './result-metric.ts'
import { toldStatistic } from './summary-statistics.ts'
import { at, foreignOf, keep, numberAt, textAt, toolResult, wholeAt } from './tool-result.ts'

const SOURCE = 'aiperf'
const PREFIX = 'ap'

const LATENCIES: readonly (readonly [string, string])[] = [
  ['time_to_first_token', 'ttft_ms'],
  ['time_to_first_output_token', 'ttfo_ms'],
  ['time_to_second_token', 'ttst_ms'],
  ['inter_token_latency', 'tpot_ms'],
  ['request_latency', 'e2e_ms'],
  ['inter_chunk_latency', 'icl_ms'],
]
/** Its deviation is of the population; ours of a sample. */
const STATISTICS: readonly (readonly [string, string])[] = [
  ['avg', 'mean'],
  ['min', 'min'],
  ['max', 'max'],
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p95', 'p95'],
  ['p99', 'p99'],
]
const TOTALS: readonly (readonly [string, string])[] = [
  ['request_count', 'requests_completed'],
  ['error_request_count', 'requests_failed'],
  ['total_osl', 'output_tokens'],
  ['total_isl', 'input_tokens'],
  ['output_token_throughput', 'output_throughput_tok_s'],
  ['request_throughput', 'request_throughput_req_s'],
]
const SECTIONS = new Set(['input_config', 'run_info', 'warmup_metrics', 'error_summary'])

interface Held {
  readonly file: ImportFile
  readonly records: AiperfRecords | null
  /** The summary's value. */
  readonly value: unknown
}

/**
 * AIPerf's `profile_export.jsonl` and `profile_export_aiperf.json`. Of one folder they are one result: numbers from the
 * single records, facts and AIPerf's own numbers from the summary. Its joules are read until some time after its last
 * token and so have another window than its tokens: they stay under its own names.
 */
export const aiperf: Importer = {
  name: SOURCE,
  title: 'AIPerf profile_export.jsonl and profile_export_aiperf.json',
  detect: (file) => isRecords(file) || isSummary(file),
  begin(options) {
    const out = createCollector()
    const held = new Map<string, Held[]>()
    return {
      take(file) {
        if (/(^|\/)phases\/[^/]+\/[^/]+$/.test(file.path)) {
          out.ignored(file.path, null, 'is of one phase; the file of the whole run tells the same')
          return
        }
        const records = isRecords(file) ? aiperfRecords(linesOf(file)) : null
        const value = file.content.form === 'json' ? file.content.value : null
        const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1)
        held.set(folder, [...(held.get(folder) ?? []), { file, records, value }])
      },
      done() {
        let single = false
        for (const [, files] of held) {
          const records = files.filter((f) => f.records !== null)
          const summaries = files.filter((f) => f.records === null)
          // Several of a kind in one folder can't be told apart: each stands alone.
          const paired = records.length === 1 && summaries.length === 1
          for (const it of records) fromRecords(it, paired ? summaries[0] : undefined)
          for (const it of summaries) {
            if (paired)
              out.ignored(it.file.path, null, `is told with ${records[0]?.file.path ?? 'records'}`)
            else fromSummary(it)
          }
          single ||= summaries.length > 0 && !paired
        }
        return out.done([
          'tokens of each chunk, so no gaps between tokens',
          'chunks of answers in which two arrived at once',
          'energy over the window of the tokens',
          ...(single ? ['single requests of a summary alone'] : []),
        ])
      },
    }

    function fromRecords({ file, records }: Held, beside: Held | undefined): void {
      if (records === null) return
      const { requests, faults, warmup, cancelled } = records
      if (requests.length === 0) {
        out.lost(file.path, null, 'has no request of the measured phase', faults)
        return
      }
      const metrics = requestMetrics(requests, AIPERF_LATENCIES, 'aiperf_records')
      const result = toolResult(file, options, {
        source: SOURCE,
        // The file's own hash: to write out a gigabyte of records again would say no more.
        itself: file.sha256,
        row: null,
        ...factsOf(beside?.value),
        metrics,
        foreign: beside ? foreignOf(PREFIX, ownNumbers(beside.value)) : {},
        notes: [
          'latencies, counts and rates are recomputed from single requests',
          ...(warmup > 0 ? [`${warmup} requests of the warm-up are left out`] : []),
          ...(cancelled > 0 ? [`${cancelled} requests cut off by the end are left out`] : []),
        ],
      })
      keep(out, aiperf.detect(file), result, faults, AIPERF_FIELDS)
    }

    function fromSummary({ file, value }: Held): void {
      if (!isObject(value)) {
        out.lost(file.path, null, `is ${shown(value)}; it must be a mapping`)
        return
      }
      const faults: Fault[] = []
      const told = (tag: string, statistic: string): number | null => {
        const found = at(value, tag, statistic)
        if (found === undefined || found === null) return null
        if (typeof found === 'number' && Number.isFinite(found)) return found
        const message = `is ${shown(found)}; it must be a number`
        faults.push({ field: `${tag}.${statistic}`, message })
        return null
      }
      const metrics: Record<string, ResultMetric> = {}
      const fields: Record<string, string | null> = {}
      for (const tag of Object.keys(ownNumbers(value))) fields[tag] = null
      const count = wholeAt(value, 'request_count', 'avg')
      for (const [theirs, ours] of TOTALS) {
        fields[theirs] = ours
        const value_ = told(theirs, 'avg')
        metrics[ours] = resultMetric(ours, value_, { window: 'run', n: count, provenance: theirs })
      }
      for (const [theirs, ours] of LATENCIES) {
        if (!Object.hasOwn(value, theirs)) continue
        fields[theirs] = ours
        for (const [statistic, own] of STATISTICS)
          metrics[`${ours}_${own}`] = toldStatistic(
            ours,
            own,
            inMs(value, theirs, told(theirs, statistic)),
            {
              n: wholeAt(value, theirs, 'count') ?? count,
              provenance: `${theirs}.${statistic}`,
            },
          )
      }
      const result = toolResult(file, options, {
        source: SOURCE,
        itself: value,
        row: null,
        ...factsOf(value),
        metrics,
        foreign: foreignOf(PREFIX, ownNumbers(value)),
        notes: ['statistics as the tool gives them: no single records lie beside them'],
      })
      keep(out, aiperf.detect(file), result, faults, fields)
    }
  },
}

/** A file of one record is one JSON value. */
const linesOf = ({ content }: ImportFile): readonly AiperfLine[] =>
  content.form === 'ndjson'
    ? content.lines
    : content.form === 'json'
      ? [{ line: 1, value: content.value }]
      : []

const isRecords = (file: ImportFile): boolean =>
  linesOf(file).some(
    (l) =>
      isObject(at(l.value, 'metadata')) &&
      isObject(at(l.value, 'metrics')) &&
      textAt(l.value, 'metadata', 'benchmark_phase') !== null,
  )

const isSummary = ({ content }: ImportFile): boolean =>
  content.form === 'json' &&
  (textAt(content.value, 'aiperf_version') !== null ||
    (isObject(at(content.value, 'input_config')) &&
      textAt(content.value, 'request_throughput', 'unit') !== null))

function inMs(value: unknown, tag: string, told: number | null): number | null {
  const scale = { ms: 1, sec: 1000, s: 1000, us: 1e-3, ns: 1e-6 }[
    textAt(value, tag, 'unit') ?? 'ms'
  ]
  return told === null || scale === undefined ? null : told * scale
}

const ownNumbers = (value: unknown): Record<string, unknown> =>
  isObject(value) ? Object.fromEntries(Object.entries(value).filter(([k]) => !SECTIONS.has(k))) : {}

/** What the summary says of the configuration; the last phase that counts tells the load. */
function factsOf(value: unknown) {
  const config = at(value, 'input_config')
  const models = at(config, 'models', 'items')
  // Before 0.10 the load stood in one section and models were names.
  const names = at(config, 'endpoint', 'model_names')
  const loadgen = at(config, 'loadgen')
  const phases = at(config, 'phases')
  const counted = Array.isArray(phases)
    ? phases.filter((p) => at(p, 'exclude_from_results') !== true).at(-1)
    : undefined
  const datasets = at(config, 'datasets')
  const prompts = Array.isArray(datasets) ? at(datasets[0], 'prompts') : undefined
  return {
    model: onlyOne(models, (m) => textAt(m, 'name')) ?? onlyOne(names, (m) => textAt({ m }, 'm')),
    setup: {
      endpoint: textAt(config, 'endpoint', 'type'),
      concurrency: numberAt(counted ?? loadgen, 'concurrency'),
      request_rate: numberAt(counted, 'rate') ?? numberAt(counted ?? loadgen, 'request_rate'),
      input_tokens: numberAt(prompts, 'isl', 'mean'),
      output_tokens: numberAt(prompts, 'osl', 'mean'),
    },
  }
}

const onlyOne = (list: unknown, name: (item: unknown) => string | null): string | null =>
  Array.isArray(list) && list.length === 1 ? name(list[0]) : null
