import type { IntensityTables } from '../analysis/cost/intensity.ts'

/** As package.json pins it; the package does not tell its version where it is bundled. */
export const CO2_TABLES_VERSION = '@tgwf/co2 0.19.0'

/**
 * Published factors of electricity: Electricity Maps by zone and year, Ember by country. Loaded when the first cost is
 * asked for: half a megabyte that no other command needs.
 */
export async function intensityTables(): Promise<IntensityTables> {
  const { averageIntensity, electricityMaps } = await import('@tgwf/co2/data')
  const years = Object.entries(electricityMaps).flatMap(([name, { data }]) => {
    const year = /^yearly(\d{4})$/.exec(name)?.[1]
    if (year === undefined) return []
    const zones = Object.entries(data).map(([zone, row]) => [zone, row.carbonIntensity?.value])
    return [[Number(year), Object.fromEntries(zones)]]
  })
  return {
    version: CO2_TABLES_VERSION,
    electricity_maps: Object.fromEntries(years),
    ember: averageIntensity.data,
  }
}
