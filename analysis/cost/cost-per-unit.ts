import type { CostReason, Line, PerUnit, TotalId } from '../schema/cost.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import type { Reason } from '../schema/reason.ts'
import { FUNCTIONAL_UNITS, type FunctionalUnit } from '../schema/scenario.ts'

/** How many functional units a run delivered, or why that is not known. */
export function unitsDelivered(
  { tokens, requests, requests_good }: EnergyTimeline,
  unit: FunctionalUnit,
): { readonly r: number; readonly reason: null } | { readonly r: null; readonly reason: Reason } {
  const total =
    tokens.input === null || tokens.output === null ? null : tokens.input + tokens.output
  const count: Record<FunctionalUnit, number | null> = {
    mtok_out: millions(tokens.output),
    mtok_total: millions(total),
    mtok_good: millions(tokens.good),
    request: requests,
    good_request: requests_good,
  }
  const r = count[unit]
  if (r === null) return { r, reason: 'not_recorded' }
  return r > 0 ? { r, reason: null } : { r: null, reason: 'zero_denominator' }
}

const millions = (n: number | null): number | null => (n === null ? null : n / 1e6)

export const UNIT_WORDS: Record<FunctionalUnit, string> = {
  mtok_out: '1M output tokens',
  mtok_total: '1M tokens',
  mtok_good: '1M output tokens of good requests',
  request: 'request',
  good_request: 'good request',
}

/** Each total by each functional unit, named `TOTAL_per_UNIT`. */
export function perUnits(
  totals: Readonly<Record<TotalId, Line>>,
  timeline: EnergyTimeline,
): Record<string, PerUnit> {
  return Object.fromEntries(
    Object.entries(totals).flatMap(([id, total]) =>
      FUNCTIONAL_UNITS.map((unit) => [`${id}_per_${unit}`, divided(total, timeline, unit)]),
    ),
  )
}

function divided(total: Line, timeline: EnergyTimeline, unit: FunctionalUnit): PerUnit {
  const words = `${total.unit} / ${UNIT_WORDS[unit]}`
  const none = (reason: CostReason): PerUnit => ({ amount: null, unit: words, reason })
  if (total.amount === null) return none(total.reason ?? 'no_data')
  const { r, reason } = unitsDelivered(timeline, unit)
  if (r === null) return none(reason)
  const { low, value, high } = total.amount
  return {
    amount: { low: low / r, value: value / r, high: high / r },
    unit: words,
    reason: null,
  }
}
