import type { ResultMetric } from '../schema/result.ts'
import { resultMetric } from './result-metric.ts'

/** A percentile of fewer values says nothing about its tail, as in our own summaries. */
const FEWEST: Readonly<Record<string, number>> = { p99: 100, p999: 1000 }

/**
 * One statistic that a tool tells of a list, as ours; null, `n_too_small`, where its list is too short for it.
 * @param n how many values; null: not told, then nothing beyond p95 is taken
 */
export function toldStatistic(
  id: string,
  statistic: string,
  value: number | null,
  beside: { readonly n: number | null; readonly provenance: string; readonly window?: string },
): ResultMetric {
  const { n, provenance, window = 'run' } = beside
  const few = n === null ? FEWEST[statistic] !== undefined : n < (FEWEST[statistic] ?? 1)
  return resultMetric(`${id}_${statistic}`, few ? null : value, {
    ...{ window, n, provenance },
    reason: few ? 'n_too_small' : 'not_recorded',
  })
}
