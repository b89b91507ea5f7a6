/**
 * Emissions of a kilowatt hour by what makes it, life cycle, g. Reviewed 2026-11-24.
 * Source: data of CodeCarbon 3.3.0 (`carbon_intensity_per_source.json`), docs/totals.md, "Publishers".
 */
export const GENERATION_G_PER_KWH = {
  coal: 995,
  petroleum: 816,
  gas: 743,
  geothermal: 38,
  hydro: 26,
  nuclear: 29,
  solar: 48,
  wind: 26,
} as const
export type GenerationSource = keyof typeof GENERATION_G_PER_KWH
