import type { ScenarioInput } from '../schema/scenario.ts'

/** One dated row that a scenario may name instead of typing its numbers. */
export interface Preset<T> {
  readonly as_of: string
  readonly source: string
  readonly value: T
}
type Rows<T> = Readonly<Record<string, Preset<T>>>
type Range = { readonly low: number; readonly value: number; readonly high: number }

/** A mean over many sites, known to a tenth: as an interval ± √3 × 10 %, and no PUE is below 1. */
const mean = (value: number): Range => ({
  low: Math.max(1, value * (1 - 0.1732)),
  value,
  high: value * 1.1732,
})
const middle = (low: number, high: number): Range => ({ low, value: (low + high) / 2, high })

/** Energy of a site over that of its IT. */
export const PUE: Rows<Range> = {
  'survey-2023': { as_of: '2023-12-31', source: 'Uptime Institute survey', value: mean(1.58) },
  'survey-2024': { as_of: '2024-12-31', source: 'Uptime Institute survey', value: mean(1.56) },
  google: { as_of: '2024-12-31', source: 'Google, mean of its sites', value: mean(1.09) },
  aws: { as_of: '2024-12-31', source: 'AWS, mean of its sites', value: mean(1.14) },
  microsoft: {
    as_of: '2024-12-31',
    source: 'Microsoft, range of its sites',
    value: middle(1.16, 1.2),
  },
}

/** Litres at the site for a kilowatt hour of IT. */
export const WUE_SITE: Rows<number> = {
  aws: { as_of: '2024-12-31', source: 'AWS', value: 0.13 },
  google: { as_of: '2024-12-31', source: 'Google', value: 0.99 },
  microsoft: { as_of: '2024-12-31', source: 'Microsoft', value: 0.569 },
}

/** Litres for a kilowatt hour of a grid. */
export const WUE_GRID: Rows<number> = {
  DEU: { as_of: '2020-12-31', source: 'World Resources Institute', value: 1.95 },
  GBR: { as_of: '2020-12-31', source: 'World Resources Institute', value: 2.33 },
  SWE: { as_of: '2020-12-31', source: 'World Resources Institute', value: 6.03 },
  POL: { as_of: '2020-12-31', source: 'World Resources Institute', value: 2.51 },
  IND: { as_of: '2020-12-31', source: 'World Resources Institute', value: 3.44 },
  WORLD: { as_of: '2020-12-31', source: 'World Resources Institute', value: 3.91 },
}

type Embodied = Omit<NonNullable<ScenarioInput['embodied']>, 'source'>

/** Emissions of making one GPU. */
export const EMBODIED: Rows<Embodied> = {
  'h100-sxm': {
    as_of: '2025-12-31',
    source:
      'NVIDIA footprint summary, 164 kg cradle to gate: the GPU alone to the GPU with an eighth of a host of 5700 kg (BoaviztAPI)',
    value: { kg_per_gpu: middle(164, 164 + 5700 / 8), years: 5, util: 1 },
  },
  'hgx-b200': {
    as_of: '2025-12-31',
    source: 'an eighth of a board of about 2290 kg, derived, low confidence: half to twice',
    value: { kg_per_gpu: { low: 143, value: 286, high: 572 }, years: 5, util: 1 },
  },
  'a100-pcie': {
    as_of: '2024-12-31',
    source: 'ADEME model, 181 kg: half to twice',
    value: { kg_per_gpu: { low: 90.5, value: 181, high: 362 }, years: 5, util: 1 },
  },
}

type Rent = Omit<Extract<ScenarioInput['hardware'], { kind: 'rent' }>, 'as_of' | 'source'>
const rent = (low: number, high: number): Rent => ({
  kind: 'rent',
  per_gpu_hour: middle(low, high),
  includes_electricity: true,
  currency: 'USD',
})

/** A GPU for an hour, electricity included. */
export const RENTS: Rows<Rent> = {
  'h100-2026-07': { as_of: '2026-07-31', source: 'InferenceX, range', value: rent(1.17, 1.78) },
  'h200-2026-07': { as_of: '2026-07-31', source: 'InferenceX, range', value: rent(1.22, 2.05) },
  'b200-2026-07': { as_of: '2026-07-31', source: 'InferenceX, range', value: rent(1.73, 2.6) },
  'mi355x-2026-07': { as_of: '2026-07-31', source: 'InferenceX, range', value: rent(1.5, 2.1) },
  'h100-street-2026': {
    as_of: '2026-07-31',
    source: 'offers on the web, range',
    value: rent(1.99, 5),
  },
}

type AverageTariff = Omit<NonNullable<ScenarioInput['tariff']>, 'as_of' | 'source'>
const average = (
  tz: string,
  sector: 'commercial' | 'industrial',
  cents: number,
): AverageTariff => ({
  tz,
  currency: 'USD',
  sector,
  tax_level: 'ex_tax',
  default_rate: cents / 100,
  u: 0.15,
})
const LA = 'America/Los_Angeles'
const NY = 'America/New_York'
const CHI = 'America/Chicago'
const EIA_2023 = {
  as_of: '2023-12-31',
  source: 'EIA, average revenue of a kWh, demand and fixed charges in it',
}
const EIA_2025 = { ...EIA_2023, as_of: '2025-04-30' }

/** Averages over a state: where you have a tariff of your own, it is the truth. */
export const TARIFFS: Rows<AverageTariff> = {
  'us-ca-commercial-2023': { ...EIA_2023, value: average(LA, 'commercial', 23.91) },
  'us-ca-industrial-2023': { ...EIA_2023, value: average(LA, 'industrial', 18.64) },
  'us-ny-commercial-2023': { ...EIA_2023, value: average(NY, 'commercial', 18.01) },
  'us-ny-industrial-2023': { ...EIA_2023, value: average(NY, 'industrial', 6.87) },
  'us-or-commercial-2023': { ...EIA_2023, value: average(LA, 'commercial', 9.92) },
  'us-or-industrial-2023': { ...EIA_2023, value: average(LA, 'industrial', 7.52) },
  'us-il-commercial-2023': { ...EIA_2023, value: average(CHI, 'commercial', 11.24) },
  'us-il-industrial-2023': { ...EIA_2023, value: average(CHI, 'industrial', 8.2) },
  'us-il-commercial-2025': { ...EIA_2025, value: average(CHI, 'commercial', 12.78) },
  'us-il-industrial-2025': { ...EIA_2025, value: average(CHI, 'industrial', 9.81) },
  'us-nj-commercial-2025': { ...EIA_2025, value: average(NY, 'commercial', 15.41) },
  'us-nj-industrial-2025': { ...EIA_2025, value: average(NY, 'industrial', 13.01) },
  'eu-non-household-2024': {
    as_of: '2024-12-31',
    source: 'Eurostat nrg_pc_205, second half of 2024, without VAT',
    value: {
      tz: 'Europe/Brussels',
      currency: 'EUR',
      sector: 'unknown',
      tax_level: 'ex_vat',
      default_rate: 0.1941,
      u: 0.15,
    },
  },
}
