import { canonOf } from '../schema/canon.ts'
import type { MetricComparison } from '../schema/comparison.ts'
import { REASONS } from '../schema/reason.ts'

/**
 * The comparison in one sentence: "concurrency 4 uses 43 % (39 to 47 %) less energy per output token than
 * concurrency 1".
 */
export function comparisonSentence(
  id: string,
  comparison: MetricComparison,
  a: string,
  b: string,
): string {
  const title = canonOf(id)?.title ?? id
  const { saving_pct, verdict } = comparison
  if (saving_pct === null) {
    const why = comparison.reason === null ? 'neither way is better' : REASONS[comparison.reason]
    return `${a} and ${b} can't be compared by ${title}: ${why}`
  }
  const range = rangeOf(saving_pct)
  const [better, other] = isBetter(id, comparison) ? [a, b] : [b, a]
  const how = canonOf(id)?.better === 'high' ? 'more' : 'less'
  if (verdict === 'within_noise')
    return `${a} and ${b} do not differ in ${title} beyond their uncertainty (${better}: ${percent(saving_pct.value)} % ${how}${range})`
  const verb = title.includes('energy') ? 'uses' : 'has'
  const doubt = verdict === null ? ', with an uncertainty that is not known' : ''
  return `${better} ${verb} ${percent(saving_pct.value)} %${range} ${how} ${title} than ${other}${doubt}`
}

function isBetter(id: string, { a, b }: MetricComparison): boolean {
  const [x, y] = [a as number, b as number]
  return canonOf(id)?.better === 'high' ? x >= y : x <= y
}

function rangeOf({ low, high }: { low: number | null; high: number | null }): string {
  if (low === null || high === null || percent(low) === percent(high)) return ''
  return ` (${percent(low)} to ${percent(high)} %)`
}

/** Whole percents, one decimal below ten. */
const percent = (p: number): string => (Math.abs(p) >= 9.95 ? p.toFixed(0) : p.toFixed(1))
