import { intensityOf } from '../../analysis/cost/intensity.ts'
import type { CostReason } from '../../analysis/schema/cost.ts'
import { J_PER_KWH } from '../../analysis/schema/units.ts'
import { intensityTables } from '../intensity-tables.ts'

export interface CarbonFactor {
  readonly zone: string
  readonly g_per_kwh: number
  readonly source: string
}

/** The published factor of a zone and year, or why there is none. Year null: not known. */
export async function carbonFactor(
  zone: string | undefined,
  year: number | null,
): Promise<CarbonFactor | CostReason> {
  if (zone === undefined) return 'not_asked'
  const found = intensityOf({ zone, year: null }, year, await intensityTables())
  if (found.kind !== 'constant') return found.kind === 'none' ? found.code : 'no_data'
  const { factor } = found.found
  return { zone: factor.zone, g_per_kwh: factor.value, source: factor.source }
}

/** Grams of the electricity alone: without PUE, hardware and water, which belong to a run's cost. */
export function gramsOf(energy_j: number | null, factor: CarbonFactor | CostReason) {
  if (typeof factor === 'string') return { carbon_g: null, carbon_reason: factor }
  if (energy_j === null) return { carbon_g: null, carbon_reason: 'no_data' as const }
  return { carbon_g: (energy_j / J_PER_KWH) * factor.g_per_kwh, carbon_reason: null }
}
