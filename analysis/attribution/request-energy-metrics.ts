import { scaled, standard, withRange } from '../estimators/uncertainty.ts'
import { metricOf, noMetric } from '../metric-value.ts'
import type { Answer } from '../requests/answer.ts'
import { completedWithin } from '../requests/ended-within.ts'
import { requestStatistics } from '../requests/latency-statistics.ts'
import type { Span } from '../requests/run-span.ts'
import { CANON, summaryKeys } from '../schema/canon.ts'
import type { Maybe, Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import type { Joules, RequestEnergies } from './request-energy.ts'

type Metrics = Record<string, MetricValue>

const ID = 'request_energy_j'
const SUMS = [
  'energy_requests_j',
  'energy_window_static_j',
  'energy_window_unattributed_j',
] as const

/**
 * Joules of the completed requests of a window as a distribution, each the whole request, and what all requests took
 * of the window's energy beside what is drawn anyway and what is nobody's.
 * Source: docs/metrics.md, "Prefill and decode".
 */
export function requestEnergyMetrics(
  found: Maybe<RequestEnergies>,
  answers: readonly Answer[],
  window: Span,
): Metrics {
  if (found.value === null) return withoutRequestEnergy(found.reason)
  const { method, scope, within, static_j, unattributed_j, sum, of } = found.value
  const reasons: Reason[] = []
  const counted: Answer[] = []
  const values: number[] = []
  for (const a of completedWithin(answers, window)) {
    const joules = of(a)
    if (joules.value === null) reasons.push(joules.reason)
    else {
      counted.push(a)
      values.push(joules.value.energy_j)
    }
  }
  const statistics = requestStatistics(values, 'J', reasons[0] ?? 'no_requests', method)
  const all = sum(counted)
  return {
    ...Object.fromEntries(
      Object.entries(statistics).map(([s, m]) => [
        `${ID}_${s}`,
        { ...(s === 'mean' ? meanOf(m, all) : widened(m, all)), scope },
      ]),
    ),
    energy_requests_j: withRange({
      value: within.energy_j,
      unit: 'J',
      parts: within.parts,
      provenance: method,
      scope,
    }),
    energy_window_static_j:
      static_j === null
        ? noMetric('J', 'not_identifiable')
        : metricOf('J', static_j, { provenance: method }),
    energy_window_unattributed_j: metricOf('J', unattributed_j, { provenance: method }),
  }
}

export const withoutRequestEnergy = (reason: Reason): Metrics =>
  Object.fromEntries(
    [...summaryKeys(ID, CANON[ID]), ...SUMS].map((key) => [key, noMetric('J', reason)]),
  )

/** The mean is the sum over the count, and so are the parts of its uncertainty. */
function meanOf(mean: MetricValue, all: Joules): MetricValue {
  if (mean.value === null || mean.n === null) return mean
  const { unit, n, provenance } = mean
  return withRange({ value: mean.value, unit, parts: scaled(all.parts, 1 / n), n, provenance })
}

/** A percentile is repeatable within its ranks; all of them together are off by what the sensor is. */
function widened(m: MetricValue, all: Joules): MetricValue {
  const { value } = m
  if (value === null || all.energy_j === 0) return m
  const shared = all.parts.filter((c) => c.shared)
  const sensor = 2 * Math.abs(value / all.energy_j) * standard(shared)
  const reach = (end: number | null, sign: number) =>
    end === null ? null : value + sign * Math.hypot(end - value, sensor)
  return { ...m, low: reach(m.low, -1), high: reach(m.high, 1) }
}
