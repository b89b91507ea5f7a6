import type { CostCode, CostReason, LineId } from '../schema/cost.ts'
import type { Range } from '../schema/factor.ts'
import type { Scenario } from '../schema/scenario.ts'
import type { Draw } from './cost-draw.ts'
import { type CostLine, known, missing } from './cost-line.ts'
import { rangeTerm, type Term } from './cost-terms.ts'

/** IT energy and the overhead of the site as the lines of water need them. */
export interface WaterInputs {
  readonly it_kwh: number
  readonly it_terms: readonly Term[]
  readonly site_kwh: number
  readonly site_terms: readonly Term[]
  readonly pue_known: boolean
}

export const waterInputs = (
  draw: Draw,
  site: { kwh: number; terms: readonly Term[]; pue_known: boolean },
): WaterInputs => ({
  it_kwh: draw.it_kwh + draw.host_kwh,
  it_terms: draw.terms,
  site_kwh: site.kwh,
  site_terms: site.terms,
  pue_known: site.pue_known,
})

/**
 * Water evaporated at the site, a kilowatt hour of IT each, and for its electricity, a kilowatt hour of the site each.
 * Site water after PUE would count the overhead twice: WUE is stated by IT energy.
 * Source: docs/cost.md, "Water".
 */
export function waterLines(inputs: WaterInputs | CostReason, { wue }: Scenario): CostLine[] {
  const line = (
    id: LineId,
    factor: Range | null,
    unit: string,
    kwh: (w: WaterInputs) => number,
    terms: (w: WaterInputs) => readonly Term[],
    codes: (w: WaterInputs) => readonly CostCode[],
  ): CostLine => {
    if (wue === null || factor === null) return missing(id, 'not_asked')
    if (typeof inputs === 'string') return missing(id, inputs)
    return known(id, kwh(inputs) * factor.value, {
      terms: [
        ...terms(inputs),
        ...rangeTerm(id === 'water_site' ? 'wue_site' : 'wue_grid', factor),
      ],
      factor: { value: factor.value, unit },
      source: wue.source === '' ? null : wue.source,
      provenance: 'user',
      codes: codes(inputs),
    })
  }
  return [
    line(
      'water_site',
      wue?.site_l_per_it_kwh ?? null,
      'L/kWh of IT',
      (w) => w.it_kwh,
      (w) => w.it_terms,
      () => [],
    ),
    line(
      'water_grid',
      wue?.grid_l_per_kwh ?? null,
      'L/kWh of the site',
      (w) => w.site_kwh,
      (w) => w.site_terms,
      (w) => (w.pue_known ? [] : ['pue_unknown']),
    ),
  ]
}
