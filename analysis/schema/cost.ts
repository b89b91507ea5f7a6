import { z } from 'zod'
import { BOUNDARIES } from './energy-timeline.ts'
import { rangeSchema } from './factor.ts'
import { REASONS, type Reason } from './reason.ts'
import { runValiditySchema } from './run-validity.ts'
import { FUNCTIONAL_UNITS } from './scenario.ts'
import { scenarioUsedSchema } from './stored.ts'

/** Why a line of cost is null or to be read with care, beside the reasons of the energy itself. */
export const COST_CODES = {
  no_zone: 'no table knows the zone or region, and no other place is taken for it',
  no_data: 'a number that it needs is not known',
  zero_is_missing: 'the table says zero, which stands for a missing value',
  stale_factor: 'the factor is over two years older than the run',
  year_substituted: 'the table has no such year, so its newest was taken',
  country_for_zone: 'the table has no such zone, so the whole country was taken',
  basis_mixed: 'factors of unlike basis or scope stand beside each other',
  series_gap: 'the series has no value for a part of the run',
  price_unknown: 'no price is known for a part of the run',
  pue_unknown: 'PUE is not known: IT energy alone, its range up to a PUE of 1.6',
  boundary_partial: 'parts of the machine are not in the energy',
  tz_missing: 'the run does not tell its wall time, so hours can not be priced',
  fx_missing: 'no rate of exchange is given for the currency',
  shifted_row: 'a row has more or fewer fields than its header',
  not_asked: 'the scenario does not ask for it',
  not_applicable: 'it has no meaning in this scenario',
  included_in_rent: 'the rent holds it already',
} as const
export type CostCode = keyof typeof COST_CODES
export type CostReason = CostCode | Reason
export const costReasonSchema = z.enum([
  ...(Object.keys(COST_CODES) as CostCode[]),
  ...(Object.keys(REASONS) as Reason[]),
])
export const reasonWords = (reason: CostReason): string =>
  reason in COST_CODES ? COST_CODES[reason as CostCode] : REASONS[reason as Reason]

export const LINE_GROUPS = [
  'energy',
  'carbon_lb',
  'carbon_mb',
  'embodied',
  'water',
  'money',
] as const
export type LineGroup = (typeof LINE_GROUPS)[number]

/** Every line of a ledger, in its order. */
export const LINES = {
  energy_it: { group: 'energy', title: 'IT energy' },
  host: { group: 'energy', title: 'host, not measured' },
  energy_overhead: { group: 'energy', title: 'overhead of the site (PUE)' },
  co2_location: { group: 'carbon_lb', title: 'electricity, location-based' },
  co2_market: { group: 'carbon_mb', title: 'electricity, market-based' },
  embodied: { group: 'embodied', title: 'embodied, hours of the run' },
  embodied_idle: { group: 'embodied', title: 'embodied, hours nobody reserves' },
  water_site: { group: 'water', title: 'water at the site' },
  water_grid: { group: 'water', title: 'water of the electricity' },
  electricity_energy: { group: 'money', title: 'electricity' },
  electricity_demand: { group: 'money', title: 'demand charge' },
  electricity_fixed: { group: 'money', title: 'fixed charge' },
  tax: { group: 'money', title: 'tax' },
  hw_rent: { group: 'money', title: 'rent of GPUs' },
  hw_capex: { group: 'money', title: 'price of hardware' },
  hw_opex: { group: 'money', title: 'upkeep of hardware' },
  carbon_shadow: { group: 'money', title: 'price of carbon (not in the total)' },
} as const satisfies Record<string, { group: LineGroup; title: string }>
export type LineId = keyof typeof LINES
export const LINE_IDS = Object.keys(LINES) as LineId[]

/** What lines add up to. Location and market are two answers to one question and never added; embodied stays apart. */
export const TOTALS = {
  energy: ['energy_it', 'host', 'energy_overhead'],
  carbon_location: ['co2_location'],
  carbon_market: ['co2_market'],
  embodied: ['embodied', 'embodied_idle'],
  water: ['water_site', 'water_grid'],
  money: [
    'electricity_energy',
    'electricity_demand',
    'electricity_fixed',
    'tax',
    'hw_rent',
    'hw_capex',
    'hw_opex',
  ],
} as const satisfies Record<string, readonly LineId[]>
export type TotalId = keyof typeof TOTALS
export const TOTAL_IDS = Object.keys(TOTALS) as TotalId[]

const whole = z.union([z.number(), z.bigint()])

export const lineSchema = z.object({
  id: z.string(),
  group: z.enum(LINE_GROUPS),
  amount: rangeSchema.nullable().describe('null: see reason; low and high: 95 %'),
  exact: whole
    .nullable()
    .describe('the same as a whole number of exact_unit: totals are their sums'),
  unit: z.string().describe('kWh, gCO2e, L or a currency of ISO 4217'),
  exact_unit: z.string(),
  reason: costReasonSchema.nullable().describe('why there is no amount; null: there is one'),
  codes: z.array(costReasonSchema).describe('what is to be known of an amount'),
  factor: z.object({ value: z.number(), unit: z.string() }).nullable(),
  source: z.string().nullable(),
  licence: z.string().nullable().describe('to be named wherever the number is shown'),
  year: z.int().nullable(),
  basis: z.string().nullable(),
  u: z.number().nullable().describe('relative standard uncertainty'),
  provenance: z.enum(['measured', 'published', 'user', 'estimated', 'derived']),
  assumptions: z.array(z.string()),
  of: z.array(z.string()).nullable().describe('of a total: the lines that it is the sum of'),
})
export type Line = z.infer<typeof lineSchema>

export const perUnitSchema = z.object({
  amount: rangeSchema.nullable(),
  unit: z.string(),
  reason: costReasonSchema.nullable(),
})
export type PerUnit = z.infer<typeof perUnitSchema>

export const sciSchema = z.object({
  amount: rangeSchema.nullable(),
  unit: z.string(),
  reason: costReasonSchema.nullable(),
  operational_g: z.number().nullable(),
  embodied_g: z.number().nullable(),
  functional_unit: z.enum(FUNCTIONAL_UNITS),
  r: z.number().nullable().describe('how many functional units the run delivered'),
  boundary: z.enum(BOUNDARIES),
  statement: z.string(),
})
export type Sci = z.infer<typeof sciSchema>

export const costLedgerSchema = z.object({
  run_id: z.string(),
  scenario_id: z.string(),
  boundary: z.enum(BOUNDARIES),
  span: z.enum(['window', 'recorded']),
  from: z.string().nullable(),
  to: z.string().nullable(),
  seconds: z.number(),
  currency: z.string(),
  lines: z.array(lineSchema),
  totals: z.record(z.string(), lineSchema),
  per_unit: z.record(z.string(), perUnitSchema),
  hourly_match: z
    .number()
    .nullable()
    .describe('share of the load that carbon-free energy of the same hour covers'),
  sensitivity: z.array(
    z.object({ total: z.string(), term: z.string(), variance_share: z.number() }),
  ),
  sci: sciSchema,
  warnings: z.array(costReasonSchema),
  notes: z.array(z.string()).describe('of the energy, and what is not as it was in the run'),
  attribution: z.array(z.string()).describe('whose data it is, to be shown beside the numbers'),
  inputs_hash: z.string(),
  scenario_stored: scenarioUsedSchema
    .optional()
    .describe('absent: the scenario is not of a stored one'),
})
export type CostLedger = z.infer<typeof costLedgerSchema>

/** A ledger of a stored run. */
export const runLedgerSchema = costLedgerSchema.extend({ validity: runValiditySchema })
export type RunLedger = z.infer<typeof runLedgerSchema>
