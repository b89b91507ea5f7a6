import type { Unit } from './units.ts'

export interface CanonMetric {
  readonly unit: Unit
  readonly title: string
  /** The formula, in the words of the glossary. */
  readonly formula: string
  /** A distribution is published by its statistics (`_p50`, ...), a scalar under its id alone. */
  readonly kind: 'scalar' | 'distribution'
  /** Of a distribution that has not all of them: those that it has. */
  readonly statistics?: readonly Statistic[]
  readonly section: 'latency' | 'throughput' | 'energy' | 'ledger' | 'load' | 'memory'
  /** Which way is better; null: neither. */
  readonly better: 'low' | 'high' | null
}

const distribution = (title: string, formula: string): CanonMetric => ({
  unit: 'ms',
  title,
  formula,
  kind: 'distribution',
  section: 'latency',
  better: 'low',
})
/** Failed requests as infinitely slow: only ranks are left. */
const withFailures = (title: string, formula: string): CanonMetric => ({
  ...distribution(`${title}, failures included`, `${formula}; a failure is infinite, nearest rank`),
  statistics: ['p50', 'p90', 'p95', 'p99', 'p999'],
})
const scalar = (
  section: CanonMetric['section'],
  unit: Unit,
  better: CanonMetric['better'],
  title: string,
  formula: string,
): CanonMetric => ({ unit, title, formula, kind: 'scalar', section, better })
const ledger = (title: string, formula: string) => scalar('ledger', 'J', null, title, formula)

/**
 * Every derived metric: the registry from which summaries, CSV columns, axis titles and docs/glossary.md come.
 * A new metric is a row here and its formula in the file of its noun.
 */
export const CANON = {
  ttft_ms: distribution('time to first token', 'first token - sent'),
  ttfo_ms: distribution('time to first answer token', 'first non-reasoning token - sent'),
  ttst_ms: distribution('time to second token', 'second token chunk - first'),
  icl_ms: distribution('inter-chunk latency', 'gaps between token chunks; zeros kept'),
  itl_ms: distribution(
    'inter-token latency',
    "each chunk gap split evenly over the chunk's tokens; the first chunk's extra tokens give none",
  ),
  itl_trimmed_ms: distribution(
    'inter-token latency, trimmed',
    'three or more gaps of a request: first and last dropped; fewer: none kept',
  ),
  tpot_ms: distribution('time per output token', '(last - first token) / (output_tokens - 1)'),
  tpot_first_chunk_adjusted_ms: distribution(
    'time per output token, first chunk adjusted',
    "(last - first token) / (output_tokens - the first chunk's tokens)",
  ),
  e2e_ms: distribution('end-to-end latency', 'last token - sent'),
  e2e_close_ms: distribution('end-to-end latency to close', 'close - sent'),
  ttft_sched_ms: distribution('time to first token from schedule', 'first token - scheduled'),
  e2e_sched_ms: distribution('end-to-end latency from schedule', 'last token - scheduled'),
  ttft_ms_with_failures: withFailures('time to first token', 'first token - sent'),
  tpot_ms_with_failures: withFailures(
    'time per output token',
    '(last - first token) / (output_tokens - 1)',
  ),
  e2e_ms_with_failures: withFailures('end-to-end latency', 'last token - sent'),
  ttft_sched_ms_with_failures: withFailures(
    'time to first token from schedule',
    'first token - scheduled',
  ),
  e2e_sched_ms_with_failures: withFailures(
    'end-to-end latency from schedule',
    'last token - scheduled',
  ),
  send_lag_ms: distribution('send lag', 'sent - scheduled (open loop)'),
  queue_time_ms: distribution('engine queue time', "engine's scheduled - arrival"),
  user_speed_tok_s: {
    unit: 'token/s',
    title: 'speed seen by a user',
    formula: '1000 / tpot_ms',
    kind: 'distribution',
    section: 'latency',
    better: 'high',
  },

  output_throughput_tok_s: scalar(
    'throughput',
    'token/s',
    'high',
    'output throughput',
    'output tokens arrived in the window / its seconds',
  ),
  input_throughput_tok_s: scalar(
    'throughput',
    'token/s',
    'high',
    'input throughput',
    'prompt tokens of prefills that ended in the window / its seconds',
  ),
  total_throughput_tok_s: scalar(
    'throughput',
    'token/s',
    'high',
    'total throughput',
    'input + output throughput',
  ),
  throughput_per_gpu_tok_s: scalar(
    'throughput',
    'token/s/GPU',
    'high',
    'output throughput per GPU',
    'output throughput / distinct GPUs used',
  ),
  request_throughput_req_s: scalar(
    'throughput',
    'request/s',
    'high',
    'request throughput',
    '@run: completed / seconds; @steady: output throughput / mean output tokens per completed request of the run',
  ),
  concurrency_mean: scalar(
    'load',
    'request',
    null,
    'mean concurrency',
    'summed overlap of requests with the window / its seconds',
  ),
  concurrency_peak: scalar(
    'load',
    'request',
    null,
    'peak concurrency',
    'most requests open at once; half-open intervals, departures first',
  ),
  goodput_req_s: scalar(
    'throughput',
    'request/s',
    'high',
    'goodput',
    'completed requests that meet every limit (inclusive) / seconds',
  ),
  good_fraction: scalar(
    'throughput',
    '1',
    'high',
    'good share',
    'requests that meet every limit / all ended',
  ),
  goodput_per_joule_req_j: scalar(
    'throughput',
    'request/J',
    'high',
    'good requests per joule',
    'good requests / energy_compute_j',
  ),
  offered_rate_req_s: scalar(
    'load',
    'request/s',
    null,
    'offered rate',
    'scheduled arrivals / seconds (open loop)',
  ),
  arrival_dispersion: scalar(
    'load',
    '1',
    null,
    'dispersion of arrivals',
    'variance / mean of scheduled arrivals in bins of 1 s: 1 for Poisson, 0 for even arrivals (open loop)',
  ),
  requests_completed: scalar(
    'load',
    'request',
    null,
    'completed requests',
    'requests that ended well in the window',
  ),
  requests_failed: scalar(
    'load',
    'request',
    'low',
    'failed requests',
    'requests that ended in the window without a whole answer',
  ),
  output_tokens: scalar(
    'load',
    'token',
    null,
    'output tokens',
    'output tokens that arrived in the window',
  ),
  input_tokens: scalar(
    'load',
    'token',
    null,
    'input tokens',
    'prompt tokens of prefills that ended in the window',
  ),
  prefill_balance: scalar(
    'load',
    '1',
    null,
    'prefill balance',
    'prefills per output token in the window / in the run',
  ),

  gpu_memory_peak_mib: scalar(
    'memory',
    'MiB',
    'low',
    'peak GPU memory',
    'the largest reading of all memory in use within the window, summed over the distinct GPUs used; of an engine that allocates ahead: what it reserved',
  ),

  energy_gpu_j: scalar('energy', 'J', 'low', 'GPU energy', 'sum over the distinct GPUs used'),
  energy_compute_j: scalar(
    'energy',
    'J',
    'low',
    'compute energy',
    'energy of the devices that the engine computes on',
  ),
  energy_host_j: scalar('energy', 'J', 'low', 'host energy', 'package + DRAM, measured only'),
  energy_total_j: scalar('energy', 'J', 'low', 'total energy', 'GPU + host, disjoint scopes'),
  energy_node_j: scalar('energy', 'J', 'low', 'node energy', 'wall meter over the window'),
  energy_overhead_j: scalar('energy', 'J', null, 'overhead energy', 'node - (GPU + host)'),
  energy_above_idle_j: scalar(
    'energy',
    'J',
    'low',
    'energy above idle',
    'energy_compute_j - idle_resident_w × the same seconds; sign kept',
  ),
  idle_resident_w: scalar('energy', 'W', 'low', 'idle power, loaded', 'mean watts in phase idle'),
  idle_cold_w: scalar(
    'energy',
    'W',
    'low',
    'idle power, nothing loaded',
    'mean watts in phase baseline',
  ),
  power_mean_w: scalar('energy', 'W', null, 'mean power', 'energy_compute_j / seconds'),
  power_share_of_tdp_pct: scalar(
    'energy',
    '%',
    null,
    'power as a share of TDP',
    'device watts / rated watts × 100',
  ),
  power_share_of_limit_pct: scalar(
    'energy',
    '%',
    null,
    'power as a share of the limit',
    'device watts / enforced limit × 100',
  ),
  energy_per_output_token_j: scalar(
    'energy',
    'J/token',
    'low',
    'energy per output token',
    'energy_compute_j / output tokens arrived; all phases and failures charged',
  ),
  energy_per_total_token_j: scalar(
    'energy',
    'J/token',
    'low',
    'energy per token',
    'energy_compute_j / (prompt + output tokens)',
  ),
  energy_per_useful_token_j: scalar(
    'energy',
    'J/token',
    'low',
    'energy per useful token',
    'energy_compute_j / output tokens of successful requests',
  ),
  energy_per_request_j: scalar(
    'energy',
    'J/request',
    'low',
    'energy per request',
    '@steady: per output token × mean output tokens per completed request of the run; @run: energy_compute_j / completed',
  ),
  tokens_per_joule: scalar(
    'energy',
    'token/J',
    'high',
    'tokens per joule',
    'output tokens / energy_compute_j',
  ),
  throughput_per_watt_tok_s_w: scalar(
    'energy',
    'token/s/W',
    'high',
    'throughput per watt',
    'output throughput / power_mean_w',
  ),
  energy_delay_product_js: scalar(
    'energy',
    'J·s',
    'low',
    'energy-delay product',
    'energy per request × mean end-to-end seconds',
  ),
  energy_prefill_j: scalar(
    'energy',
    'J',
    'low',
    'prefill energy',
    'joules of the devices that prefill; or from sent to first token, one request in flight; else coefficient of a regression × uncached prompt tokens',
  ),
  energy_decode_j: scalar(
    'energy',
    'J',
    'low',
    'decode energy',
    'joules of the devices that decode; or from first to last token, one request in flight; else coefficients of a regression × steps and context, or × output tokens',
  ),
  energy_per_prompt_j: scalar(
    'energy',
    'J/request',
    'low',
    'energy per prompt',
    'energy_prefill_j / prompts prefilled',
  ),
  energy_per_uncached_input_token_j: scalar(
    'energy',
    'J/token',
    'low',
    'energy per uncached prompt token',
    'energy_prefill_j / prompt tokens that came from no cache',
  ),
  energy_per_decoded_token_j: scalar(
    'energy',
    'J/token',
    'low',
    'energy per decoded token',
    'energy_decode_j / output tokens behind the first chunk; of a regression on tokens: / output tokens',
  ),
  energy_per_cached_input_token_j: scalar(
    'energy',
    'J/token',
    'low',
    'energy per cached prompt token',
    'joules for prompt tokens from a cache / their number',
  ),
  energy_reasoning_j: scalar(
    'energy',
    'J',
    'low',
    'reasoning energy',
    'energy_decode_j × reasoning tokens / output tokens; allocated',
  ),
  energy_rejected_draft_j: scalar(
    'energy',
    'J',
    'low',
    'rejected draft energy',
    'energy_decode_j × rejected / (accepted + rejected) draft tokens; allocated',
  ),

  energy_kv_transfer_j: scalar(
    'energy',
    'J',
    'low',
    'energy of moved caches',
    'joules of host and network for caches that leave the GPU; null: no sensor tells them from other work',
  ),
  request_energy_j: {
    unit: 'J',
    title: 'energy of a request',
    formula:
      'joules of each completed request: of its own time where it is alone; else its prompt and output tokens at the price of each, without what is drawn anyway',
    kind: 'distribution',
    section: 'energy',
    better: 'low',
  },
  energy_requests_j: scalar(
    'energy',
    'J',
    null,
    'energy of all requests',
    'sum over requests of the joules that each took within the window',
  ),
  energy_window_static_j: scalar(
    'energy',
    'J',
    null,
    'static energy of the window',
    'energy_compute_j - prefill - decode of a regression: what is drawn anyway',
  ),
  energy_window_unattributed_j: scalar(
    'energy',
    'J',
    null,
    'energy of no request',
    'energy_compute_j - energy_requests_j - energy_window_static_j',
  ),

  energy_recorded_j: ledger(
    'recorded energy',
    'compute energy of the whole recorded span: the gross total of the ledger',
  ),
  energy_baseline_j: ledger('baseline', 'phase baseline'),
  energy_load_j: ledger('loading', 'phase load'),
  energy_idle_j: ledger('idle, loaded', 'phase idle'),
  energy_warmup_j: ledger('warm-up', 'phase warmup'),
  energy_static_j: ledger('static', 'idle_resident_w × seconds of phase measure'),
  energy_succeeded_j: ledger(
    'useful',
    'dynamic energy of phase measure, by output tokens of successful requests',
  ),
  energy_failed_j: ledger(
    'failed',
    'dynamic energy of phase measure, by output tokens of failed requests',
  ),
  energy_drain_j: ledger('drain', 'phase drain'),
  energy_cooldown_j: ledger('cool-down', 'phase cooldown'),
  energy_unattributed_j: ledger(
    'unattributed',
    'the recorded span less all lines: gaps between phases, and what no line claims',
  ),
  energy_wasted_pct: scalar('ledger', '%', 'low', 'wasted', 'failed / phase measure × 100'),
} as const satisfies Record<string, CanonMetric>

export type CanonId = keyof typeof CANON

export const STATISTICS = ['mean', 'sd', 'min', 'max', 'p50', 'p90', 'p95', 'p99', 'p999'] as const
export type Statistic = (typeof STATISTICS)[number]

/** The statistics that a distribution is published by; none of a scalar. */
const statisticsOf = ({ kind, statistics }: CanonMetric): readonly Statistic[] =>
  kind === 'scalar' ? [] : (statistics ?? STATISTICS)

/** Every key of a summary that a row of the registry gives, without windows. */
export const summaryKeys = (id: string, row: CanonMetric): readonly string[] =>
  row.kind === 'scalar' ? [id] : statisticsOf(row).map((s) => `${id}_${s}`)

/**
 * The registry's row of a summary key: a scalar's id, or a distribution's id and `_STATISTIC`; then perhaps `@run` or
 * `@steady`. undefined: no such metric.
 */
export function canonOf(key: string): CanonMetric | undefined {
  const [base = '', window, ...more] = key.split('@')
  if (more.length > 0 || !(window === undefined || window === 'run' || window === 'steady')) return
  const row = (id: string): CanonMetric | undefined =>
    Object.hasOwn(CANON, id) ? CANON[id as CanonId] : undefined
  const whole = row(base)
  if (whole) return whole.kind === 'scalar' ? whole : undefined
  const cut = base.lastIndexOf('_')
  const found = row(base.slice(0, cut))
  const statistics: readonly string[] = found === undefined ? [] : statisticsOf(found)
  return statistics.includes(base.slice(cut + 1)) ? found : undefined
}
