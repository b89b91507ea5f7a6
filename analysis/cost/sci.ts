import { type CostReason, LINES, type Sci } from '../schema/cost.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import type { Scenario } from '../schema/scenario.ts'
import { type CostLine, lineValue } from './cost-line.ts'
import { UNIT_WORDS, unitsDelivered } from './cost-per-unit.ts'
import { band } from './cost-terms.ts'

/**
 * Software Carbon Intensity, SCI = (O + M) / R: location-based emissions of the energy and embodied emissions of the
 * reserved hours, for each functional unit. Certificates, offsets and hours that nobody reserves are not in it.
 * Source: docs/cost.md, "SCI" (ISO/IEC 21031).
 */
export function sciOf(
  lines: readonly CostLine[],
  timeline: EnergyTimeline,
  { unit, pue }: Scenario,
): Sci {
  const at = (id: 'co2_location' | 'embodied') => lines.find((l) => l.id === id)
  const [operational, embodied] = [at('co2_location'), at('embodied')]
  const grams = (line: CostLine | undefined) =>
    line === undefined ? null : lineValue(line, LINES[line.id].group)
  const [o, m] = [grams(operational), grams(embodied)]
  const { r, reason } = unitsDelivered(timeline, unit)
  const why: CostReason | null =
    o === null
      ? (operational?.reason ?? 'no_data')
      : m === null
        ? (embodied?.reason ?? 'no_data')
        : reason
  const all = [...(operational?.effects ?? []), ...(embodied?.effects ?? [])]
  const whole = o === null || m === null || r === null ? null : band(o + m, all)
  return {
    amount:
      whole === null || r === null
        ? null
        : { low: whole.low / r, value: whole.value / r, high: whole.high / r },
    unit: `gCO2e / ${UNIT_WORDS[unit]}`,
    reason: why,
    operational_g: o,
    embodied_g: m,
    functional_unit: unit,
    r,
    boundary: timeline.boundary,
    statement: `Boundary: ${timeline.boundary}${timeline.boundary_partial ? ', a part of the machine' : ''}, ${SPAN[timeline.span]}, idle hours of the reservation included; ${pue === null ? 'without the overhead of the site' : `PUE ${pue.value}`}. R: ${UNIT_WORDS[unit]}. I: location-based${basisOf(operational)}. No certificates, no offsets.`,
  }
}

const SPAN = { window: 'the counted window', recorded: 'all that was recorded' } as const

const basisOf = (line: CostLine | undefined): string =>
  line?.basis == null
    ? ''
    : `, ${line.basis}${line.source === null ? '' : `, ${line.source}`}${line.year === null ? '' : `, ${line.year}`}`
