import type { CostReason } from '../schema/cost.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import type { Hardware, Scenario } from '../schema/scenario.ts'
import { exchange, noRate } from './cost-electricity.ts'
import { type CostLine, known, missing } from './cost-line.ts'
import { rangeTerm } from './cost-terms.ts'

export const HOURS_PER_YEAR = 8760

type Own = Extract<Hardware, { kind: 'own' }>

/** Share of a loan that is paid back each year, interest included, over n years at i. */
export const capitalRecovery = (i: number, n: number): number =>
  (i * (1 + i) ** n) / ((1 + i) ** n - 1)

/**
 * Price of one reserved hour of one GPU of its owner: straight line, or with cost of capital as annuity, over the hours
 * that somebody reserves. What is left at the end counts at its value of today.
 * Source: docs/cost.md, "Hardware".
 */
export function ownPerGpuHour(own: Own, capex = own.capex.value): number {
  const hours = HOURS_PER_YEAR * own.util * own.gpus
  if (own.wacc === null) return (capex * (1 - own.residual_frac)) / (own.years * hours)
  const left = own.residual_frac / (1 + own.wacc) ** own.years
  return (capex * (1 - left) * capitalRecovery(own.wacc, own.years)) / hours
}

/** What the reserved hours of GPUs cost, rented or owned. */
export function hardwareLines(timeline: EnergyTimeline, scenario: Scenario): CostLine[] {
  const { hardware, currency } = scenario
  const all = (reason: CostReason, assumptions: readonly string[] = []) =>
    (['hw_rent', 'hw_capex', 'hw_opex'] as const).map((id) => missing(id, reason, { assumptions }))
  if (hardware === null) return all('not_asked')
  const hours = timeline.gpu_hours_reserved
  if (timeline.gpus === 0) return all('not_applicable', ['The run used no GPU.'])
  if (hours === null) return all('no_data')
  const rate = exchange(scenario, hardware.currency ?? currency)
  if (rate === null) return all('fx_missing', [noRate(hardware.currency ?? currency, currency)])
  const common = {
    source: `${hardware.source}, as of ${hardware.as_of}`,
    year: Number(hardware.as_of.slice(0, 4)),
    provenance: 'user' as const,
  }
  const said = [`${hours.toPrecision(6)} GPU hours reserved.`, ...rate.said]
  if (hardware.kind === 'rent')
    return [
      known('hw_rent', hours * hardware.per_gpu_hour.value * rate.value, {
        ...common,
        terms: rangeTerm('hardware_price', hardware.per_gpu_hour),
        factor: {
          value: hardware.per_gpu_hour.value,
          unit: `${hardware.currency ?? currency}/GPU-h`,
        },
        assumptions: said,
      }),
      missing('hw_capex', 'not_applicable'),
      missing('hw_opex', 'not_applicable'),
    ]
  const each = ownPerGpuHour(hardware)
  const upkeep = hardware.opex_per_year
  const upkeepEach = (upkeep ?? 0) / (HOURS_PER_YEAR * hardware.util * hardware.gpus)
  return [
    missing('hw_rent', 'not_applicable'),
    known('hw_capex', hours * each * rate.value, {
      ...common,
      terms: rangeTerm('hardware_price', hardware.capex),
      factor: { value: each, unit: `${hardware.currency ?? currency}/GPU-h` },
      assumptions: [
        ...said,
        `${hardware.wacc === null ? 'Straight line' : `Annuity at ${100 * hardware.wacc} %`} over ${hardware.years} years at ${100 * hardware.util} % of the hours reserved.`,
      ],
    }),
    upkeep === null
      ? missing('hw_opex', 'not_asked')
      : known('hw_opex', hours * upkeepEach * rate.value, {
          ...common,
          factor: { value: upkeepEach, unit: `${hardware.currency ?? currency}/GPU-h` },
          assumptions: said,
        }),
  ]
}

/**
 * Share of the hours above which owning is cheaper than a rent: own cost of a year over the rent of all its hours.
 * Above 1 it never is.
 */
export function breakEvenUtil(own: Own, rent_per_gpu_hour: number): number {
  const year = ownPerGpuHour(own) * HOURS_PER_YEAR * own.util * own.gpus + (own.opex_per_year ?? 0)
  return year / (rent_per_gpu_hour * HOURS_PER_YEAR * own.gpus)
}
