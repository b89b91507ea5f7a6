import type { CostLedger, TotalId } from '../schema/cost.ts'
import type { CostStep } from '../schema/cost-steps.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import type { Scenario } from '../schema/scenario.ts'
import { cost } from './cost.ts'
import { type IntensityTables, NO_TABLES } from './intensity.ts'

/** What changes at each step, in this order, so that the steps of any two scenarios add up in the same way. */
const STEPS = [
  ['pue', ['pue', 'host_share_w']],
  ['intensity', ['intensity', 'market']],
  ['price', ['tariff', 'fx', 'currency', 'carbon_price_per_t']],
  ['hardware', ['hardware', 'embodied']],
] as const satisfies readonly (readonly [CostStep['step'], readonly (keyof Scenario)[]])[]

/**
 * Why two scenarios cost the same run differently: one thing after the other is changed from the first to the second, and
 * the differences of the steps add up to the whole difference exactly.
 * Source: docs/cost.md, "Comparing scenarios".
 */
export function costSteps(
  timeline: EnergyTimeline,
  from: Scenario,
  to: Scenario,
  tables: IntensityTables = NO_TABLES,
): CostStep[] {
  let scenario = from
  let before = cost(timeline, scenario, tables)
  return STEPS.map(([step, keys]) => {
    const changed = Object.fromEntries(keys.map((k) => [k, to[k]])) as Partial<Scenario>
    scenario = { ...scenario, ...changed }
    const after = cost(timeline, scenario, tables)
    const change = {
      step,
      carbon_location_g: difference(before, after, 'carbon_location'),
      money: before.currency === after.currency ? difference(before, after, 'money') : null,
    }
    before = after
    return change
  })
}

/** After less before, in the unit of the total; null where one is not known. */
function difference(before: CostLedger, after: CostLedger, id: TotalId): number | null {
  const [a, b] = [before.totals[id]?.exact ?? null, after.totals[id]?.exact ?? null]
  return a === null || b === null ? null : Number(BigInt(b) - BigInt(a)) / 1e9
}
