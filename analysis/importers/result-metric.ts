import { metricOf, noMetric } from '../metric-value.ts'
import type { Reason } from '../schema/reason.ts'
import type { ResultMetric } from '../schema/result.ts'
import { resultMetricOf } from '../schema/result-metric.ts'

/**
 * One number of a result, in the unit of its metric.
 * @param value in that unit; null: not to be had
 * @param beside over which window, of how many values, as whom (`provenance`: the meter or field behind it); why null
 * @throws RangeError where the id is no metric: a mistake of the importer, not of the file
 */
export function resultMetric(
  id: string,
  value: number | null,
  beside: {
    readonly window: string | null
    readonly n?: number | null
    readonly provenance?: string | null
    readonly reason?: Reason
  },
): ResultMetric {
  const row = resultMetricOf(id)
  if (row === undefined) throw new RangeError(`${id} is no metric`)
  const { window, n = null, provenance = null } = beside
  return value === null
    ? { ...noMetric(row.unit, beside.reason ?? 'not_recorded', n), window }
    : { ...metricOf(row.unit, value, { n, provenance }), window }
}
