import type { CostReason } from '../schema/cost.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import type { Scenario } from '../schema/scenario.ts'
import { HOURS_PER_YEAR } from './cost-hardware.ts'
import { type CostLine, known, missing } from './cost-line.ts'
import { rangeTerm } from './cost-terms.ts'

/**
 * Share of a device's embodied emissions that hours of reservation take: M = TE × (TiR / EL) × (RR / ToR), grams.
 * @param kg total embodied emissions, kg  @param hours reserved  @param years expected life
 * @param reserved resources reserved of `all`
 * Source: docs/cost.md, "Embodied" (SCI, ISO/IEC 21031).
 */
export const embodiedShare = (
  kg: number,
  hours: number,
  years: number,
  reserved = 1,
  all = 1,
): number => 1000 * kg * (hours / (years * HOURS_PER_YEAR)) * (reserved / all)

/** Emissions of making the GPUs: of the run's hours, and its part of the hours that nobody reserves (not in the SCI). */
export function embodiedLines(timeline: EnergyTimeline, { embodied }: Scenario): CostLine[] {
  const all = (reason: CostReason, assumptions: readonly string[] = []) =>
    (['embodied', 'embodied_idle'] as const).map((id) => missing(id, reason, { assumptions }))
  if (embodied === null) return all('not_asked')
  if (timeline.gpus === 0) return all('not_applicable', ['The run used no GPU.'])
  const hours = timeline.gpu_hours_reserved
  if (hours === null) return all('no_data')
  const { kg_per_gpu, years, util, source } = embodied
  const grams = embodiedShare(kg_per_gpu.value, hours, years)
  const common = {
    terms: rangeTerm('embodied_kg_per_gpu', kg_per_gpu),
    factor: { value: kg_per_gpu.value, unit: 'kgCO2e/GPU' },
    source,
    provenance: 'published' as const,
  }
  return [
    known('embodied', grams, {
      ...common,
      assumptions: [`${hours.toPrecision(6)} GPU hours of ${years} years.`],
    }),
    known('embodied_idle', grams * (1 / util - 1), {
      ...common,
      assumptions: [`${100 * util} % of the hours are reserved. Not in the SCI.`],
    }),
  ]
}
