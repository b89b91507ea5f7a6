import { unitsOf } from '../cost/cost-line.ts'
import { UNIT_WORDS } from '../cost/cost-per-unit.ts'
import { LINES, TOTAL_IDS, TOTALS, type TotalId } from '../schema/cost.ts'
import { qualityMetricOf } from '../schema/quality-metric.ts'
import { resultMetricOf } from '../schema/result-metric.ts'

/**
 * What one may minimise, plot and bound: metrics of runs and results, their quality, and what they come to at a place and
 * a price.
 */
export interface ChoiceMetric {
  readonly title: string
  readonly unit: string
  readonly kind: 'scalar' | 'distribution'
  readonly section: string
  /** Which way is better; null: neither. */
  readonly better: 'low' | 'high' | null
}

/** Of the functional units of a ledger the one for which every candidate tells both joules and seconds. */
const UNIT = 'mtok_out'
export type PricedId = `${TotalId}_per_${typeof UNIT}`
/** A total of the ledger by million output tokens, named as the ledger names it. */
export const pricedId = (total: TotalId): PricedId => `${total}_per_${UNIT}`
export const PRICED_IDS: readonly PricedId[] = TOTAL_IDS.map(pricedId)

/** The total of which a metric is the part by million output tokens; null: it needs no scenario. */
export const pricedTotalOf = (id: string): TotalId | null =>
  TOTAL_IDS.find((total) => pricedId(total) === id) ?? null

const TITLES: Readonly<Record<TotalId, string>> = {
  energy: 'energy of the site per output token',
  carbon_location: 'carbon per output token',
  carbon_market: 'market-based carbon per output token',
  embodied: 'embodied carbon per output token',
  water: 'water per output token',
  money: 'cost per output token',
}

/**
 * The row of a metric by which one may choose; undefined: there is no such metric.
 * @param currency of money, ISO 4217
 */
export function choiceMetricOf(id: string, currency = ''): ChoiceMetric | undefined {
  const total = pricedTotalOf(id)
  if (total === null) return qualityMetricOf(id) ?? resultMetricOf(id)
  const [unit] = unitsOf(LINES[TOTALS[total][0]].group, currency)
  return {
    title: TITLES[total],
    unit: `${unit} / ${UNIT_WORDS[UNIT]}`,
    kind: 'scalar',
    section: 'cost',
    better: 'low',
  }
}
