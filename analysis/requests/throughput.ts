import { metricOf, noMetric } from '../metric-value.ts'
import type { RunData } from '../readings/run-data.ts'
import { usedDeviceIds } from '../readings/used-devices.ts'
import { CANON, type CanonId } from '../schema/canon.ts'
import type { Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import { isClosedLoop, type Window, windowSeconds } from '../window.ts'
import { type Answer, answersOf } from './answer.ts'
import { arrivalDispersion, scheduledWithin } from './arrivals.ts'
import { concurrencyMean, concurrencyPeak } from './concurrency.ts'
import { prefillBalance } from './prefill-balance.ts'
import { runSpan } from './run-span.ts'
import { countTokens, type TokenCounts } from './tokens.ts'

type Metrics = Record<string, MetricValue>

/** The ids of sections throughput and load that need no joules. */
const IDS = [
  'output_throughput_tok_s',
  'input_throughput_tok_s',
  'total_throughput_tok_s',
  'throughput_per_gpu_tok_s',
  'request_throughput_req_s',
  'concurrency_mean',
  'concurrency_peak',
  'goodput_req_s',
  'good_fraction',
  'offered_rate_req_s',
  'arrival_dispersion',
  'requests_completed',
  'requests_failed',
  'output_tokens',
  'input_tokens',
  'prefill_balance',
] as const satisfies readonly CanonId[]

/**
 * Throughput, load and goodput over a window, and `@run` and `@steady` of the rates, whatever the summary's own
 * window is. Goodput per joule is the energy's matter.
 * Source: docs/metrics.md, "Throughput and goodput".
 */
export function throughputMetrics(
  run: RunData,
  window: Window | null,
  answers: readonly Answer[] = answersOf(run),
): Metrics {
  const span = runSpan(answers)
  const whole = span !== null && span.end_ns > span.start_ns ? { ...span, rule: 'run' } : null
  const steady = window !== null && window.rule !== 'run' ? window : null
  return {
    ...(window === null ? nothing('no_window') : ofWindow(run, answers, window, whole)),
    ...rates(run, answers, whole, 'run'),
    ...rates(run, answers, steady, 'steady'),
  }
}

function nothing(reason: Reason): Metrics {
  return Object.fromEntries(IDS.map((id) => [id, noMetric(CANON[id].unit, reason)]))
}

function ofWindow(
  run: RunData,
  answers: readonly Answer[],
  window: Window,
  whole: Window | null,
): Metrics {
  if (answers.length === 0) return nothing('no_requests')
  const seconds = windowSeconds(window)
  const counts = countTokens(run, answers, window)
  const balance = whole === null ? null : prefillBalance(answers, window, whole)
  const metrics: Record<(typeof IDS)[number], MetricValue> = {
    ...tokenRates(run, counts, seconds),
    request_throughput_req_s: requestRate(counts, seconds, window.rule === 'run'),
    concurrency_mean: metricOf('request', concurrencyMean(answers, window)),
    concurrency_peak: metricOf('request', concurrencyPeak(answers, window)),
    ...goodput(counts, seconds),
    ...offered(run, answers, window, seconds),
    requests_completed: metricOf('request', counts.completed),
    requests_failed: metricOf('request', counts.failed),
    output_tokens: metricOf('token', counts.output ?? 0, tokenRange(counts, 1)),
    input_tokens: orMissing('input_tokens', counts.input, counts.input_reason ?? 'not_recorded'),
    prefill_balance: orMissing('prefill_balance', balance, 'no_output_tokens'),
  }
  return metrics
}

function tokenRates(run: RunData, counts: TokenCounts, seconds: number) {
  const output = counts.output ?? 0
  const { input } = counts
  const no_input = counts.input_reason ?? 'not_recorded'
  const range = tokenRange(counts, seconds)
  const gpus = run.devices.filter(
    (d) => (d.kind === 'gpu' || d.kind === 'gpu_instance') && usedDeviceIds(run).has(d.device_id),
  ).length
  const total = input === null ? null : (input + output) / seconds
  return {
    output_throughput_tok_s: metricOf('token/s', output / seconds, range),
    input_throughput_tok_s: orMissing(
      'input_throughput_tok_s',
      input === null ? null : input / seconds,
      no_input,
    ),
    total_throughput_tok_s: orMissing('total_throughput_tok_s', total, no_input),
    throughput_per_gpu_tok_s:
      gpus === 0
        ? noMetric('token/s/GPU', 'no_device')
        : metricOf('token/s/GPU', output / seconds / gpus, tokenRange(counts, seconds * gpus)),
  }
}

/** ± 2 standard, from the tokens that the edges cut. */
function tokenRange(counts: TokenCounts, divisor: number): { low: number; high: number } {
  const output = counts.output ?? 0
  const u = counts.u_tokens ?? 0
  return { low: Math.max(0, output - 2 * u) / divisor, high: (output + 2 * u) / divisor }
}

/**
 * Over the whole run: completed / seconds. Over a part of it, whose edges cut requests: output throughput over the
 * mean output tokens of the run's completed requests.
 */
function requestRate(counts: TokenCounts, seconds: number, whole: boolean): MetricValue {
  const length = counts.mean_output_per_completed_of_run
  if (whole)
    return counts.completed === 0
      ? noMetric('request/s', 'no_requests', 0)
      : metricOf('request/s', counts.completed / seconds, { n: counts.completed })
  if (length === null) return noMetric('request/s', 'no_requests', 0)
  if (length === 0) return noMetric('request/s', 'no_output_tokens')
  return metricOf('request/s', (counts.output ?? 0) / seconds / length, {
    ...tokenRange(counts, seconds * length),
    n: counts.completed,
  })
}

function goodput(counts: TokenCounts, seconds: number) {
  const ended = counts.completed + counts.failed
  const { good } = counts
  if (good === null)
    return {
      goodput_req_s: noMetric('request/s', 'not_recorded'),
      good_fraction: noMetric('1', 'not_recorded'),
    }
  return {
    goodput_req_s: metricOf('request/s', good / seconds, { n: ended }),
    good_fraction:
      ended === 0 ? noMetric('1', 'no_requests', 0) : metricOf('1', good / ended, { n: ended }),
  }
}

function offered(run: RunData, answers: readonly Answer[], window: Window, seconds: number) {
  const due = isClosedLoop(run) ? [] : scheduledWithin(answers, window)
  if (due.length === 0)
    return {
      offered_rate_req_s: noMetric('request/s', 'not_recorded'),
      arrival_dispersion: noMetric('1', 'not_recorded'),
    }
  const dispersion = arrivalDispersion(due, window)
  return {
    offered_rate_req_s: metricOf('request/s', due.length / seconds, { n: due.length }),
    arrival_dispersion:
      dispersion === null
        ? noMetric('1', 'n_too_small', due.length)
        : metricOf('1', dispersion.ratio, { n: dispersion.bins }),
  }
}

/** The rates over another window than the summary's own. */
function rates(
  run: RunData,
  answers: readonly Answer[],
  window: Window | null,
  name: 'run' | 'steady',
): Metrics {
  const ids = ['output_throughput_tok_s', 'request_throughput_req_s'] as const
  const [output, request] = ids.map((id) => `${id}@${name}`) as [string, string]
  if (window === null || answers.length === 0) {
    const reason = window === null ? 'no_window' : 'no_requests'
    return { [output]: noMetric('token/s', reason), [request]: noMetric('request/s', reason) }
  }
  const seconds = windowSeconds(window)
  const counts = countTokens(run, answers, window)
  return {
    [output]: tokenRates(run, counts, seconds).output_throughput_tok_s,
    [request]: requestRate(counts, seconds, name === 'run'),
  }
}

const orMissing = (id: CanonId, value: number | null, reason: Reason): MetricValue =>
  value === null ? noMetric(CANON[id].unit, reason) : metricOf(CANON[id].unit, value)
