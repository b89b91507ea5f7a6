import type { Result } from '../schema/result.ts'
import type { Collector } from './collector.ts'
import { fieldsOf, isObject, type JsonObject } from './fields.ts'
import type { RawRun } from './mlenergy-raw.ts'
import { cascadeFinding, stabilityFindings } from './mlenergy-stability.ts'
import { resultMetric } from './result-metric.ts'

/** What `prometheus.json` tells of a run's steady window. */
export interface Scrape {
  readonly file: string
  readonly start_s: number | null
  readonly end_s: number | null
  /** Mean of running requests, summed over engines. */
  readonly running: number | null
  readonly kv_cache_share: number | null
}

export function scrapeOf(file: string, value: JsonObject): Scrape {
  const read = fieldsOf(value).optional
  const stats = fieldsOf(isObject(value['steady_state_stats']) ? value['steady_state_stats'] : {})
  return {
    file,
    start_s: read.number('steady_state_start_time'),
    end_s: read.number('steady_state_end_time'),
    running: stats.optional.number('vllm:num_requests_running'),
    kv_cache_share: stats.optional.number('vllm:kv_cache_usage_perc'),
  }
}

/**
 * Gives each run the engine's record of the same window, found by the window's own times, and judges whether the run
 * was stable. The record's histogram percentiles count from the start of the server and are left out.
 */
export function joinScrapes(
  runs: readonly RawRun[],
  scrapes: readonly Scrape[],
  out: Collector,
): void {
  const left = new Set(scrapes)
  const joined = runs.map((run) => {
    const scrape = [...left].find(
      (s) => s.start_s !== null && s.start_s === run.steady_start_s && s.end_s === run.steady_end_s,
    )
    if (scrape === undefined) return { run, result: judged(run, null) }
    left.delete(scrape)
    out.ignored(scrape.file, null, `joined to ${run.result.provenance.file} by its steady window`)
    return { run, result: judged(run, scrape) }
  })
  for (const { file } of left) out.lost(file, null, 'no results.json has the same steady window')
  const results = cascade(joined.map((j) => j.result))
  for (const [i, { run }] of joined.entries())
    out.mapped(results[i] as Result, run.faults, run.fields)
}

function judged(run: RawRun, scrape: Scrape | null): Result {
  const { result } = run
  const running = scrape?.running ?? null
  const findings = [
    ...result.findings,
    ...stabilityFindings(run.steady_s, running, result.batch_limit),
  ]
  const provenance = 'vllm:num_requests_running'
  const batch_size_mean = resultMetric('batch_size_mean', running, { window: 'steady', provenance })
  return {
    ...result,
    metrics: { ...result.metrics, batch_size_mean },
    foreign:
      scrape === null
        ? result.foreign
        : { ...result.foreign, 'vllm:kv_cache_usage_perc': scrape.kv_cache_share },
    findings,
  }
}

const UNSTABLE = new Set<string>(['short_steady_state', 'low_batch_utilisation'])

/** Behind the smallest unstable batch of one model, task, GPU and count, larger batches are not trusted. */
function cascade(results: readonly Result[]): Result[] {
  const key = (r: Result) => JSON.stringify([r.model, r.task, r.gpu_model, r.num_gpus])
  const smallest = new Map<string, number>()
  for (const r of results) {
    if (r.batch_limit === null || !unstable(r)) continue
    smallest.set(key(r), Math.min(r.batch_limit, smallest.get(key(r)) ?? Number.POSITIVE_INFINITY))
  }
  return results.map((r) => {
    const batch = smallest.get(key(r))
    if (batch === undefined || r.batch_limit === null || r.batch_limit <= batch) return r
    return { ...r, findings: [...r.findings, cascadeFinding(batch)] }
  })
}

/** Also a run whose energy per token is missing or not above zero. */
const unstable = (r: Result): boolean =>
  !((r.metrics['energy_per_output_token_j']?.value ?? 0) > 0) ||
  r.findings.some((f) => UNSTABLE.has(f.code))
