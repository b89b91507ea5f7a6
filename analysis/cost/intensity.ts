import { cloudZone } from '../factors/cloud-regions.ts'
import { ISO3_OF } from '../factors/iso3.ts'
import type { CostCode } from '../schema/cost.ts'
import { FACTOR_UNIT, type Factor, type IntensitySeries } from '../schema/factor.ts'
import type { IntensityChoice } from '../schema/scenario.ts'

/** The published tables, handed in: analysis reads no files. Values as they stand there, numbers, text or nothing. */
export interface IntensityTables {
  /** Package and version that the tables came with; enters the hash of a result. */
  readonly version: string
  /** Electricity Maps: year, zone, g/kWh. */
  readonly electricity_maps: Readonly<Record<number, Readonly<Record<string, unknown>>>>
  /** Ember: ISO 3166 alpha-3 or group, g/kWh. */
  readonly ember: Readonly<Record<string, unknown>>
}

export const NO_TABLES: IntensityTables = { version: '', electricity_maps: {}, ember: {} }

/** One factor for all hours, with what is to be known of how it was found. */
export interface FoundFactor {
  readonly factor: Factor
  readonly year: number | null
  /** Relative standard uncertainty. */
  readonly u: number
  readonly codes: readonly CostCode[]
  readonly provenance: 'user' | 'published'
  readonly assumptions: readonly string[]
}

export type Intensity =
  | { readonly kind: 'constant'; readonly found: FoundFactor }
  | {
      readonly kind: 'series'
      readonly series: IntensitySeries
      /** What fills holes; null: nothing does. */
      readonly annual: FoundFactor | null
      readonly u: number
    }
  | { readonly kind: 'none'; readonly code: CostCode; readonly assumptions: readonly string[] }

/** Relative standard uncertainties where the publisher states none. Source: docs/cost.md, "Uncertainty". */
const U = { hour: 0.05, year: 0.15, other_year: 0.18, country: 0.3 } as const

/** Electricity Maps' data are under ODbL: named wherever a number of theirs is shown. */
export const ATTRIBUTION = {
  electricity_maps: 'Electricity Maps (ODbL)',
  ember: 'Ember (CC BY-SA 4.0)',
} as const

/**
 * The factor of a scenario, by the first that is there: the user's own; a series; the zone of Electricity Maps in the
 * year; its newest year; its country; Ember's country or group. Never another place, never the world unasked.
 * @param run_year null: the run does not tell
 * Source: docs/cost.md, "Factors".
 */
export function intensityOf(
  choice: IntensityChoice,
  run_year: number | null,
  tables: IntensityTables,
): Intensity {
  if ('factor' in choice) return ownFactor(choice.factor, run_year)
  if ('series' in choice) {
    const annual =
      choice.gap === 'annual' && choice.zone !== null
        ? zoneFactor(choice.zone, choice.year ?? run_year, tables)
        : null
    return {
      kind: 'series',
      series: choice.series,
      annual: annual?.kind === 'constant' ? annual.found : null,
      u: choice.series.u ?? U.hour,
    }
  }
  if ('zone' in choice) return zoneFactor(choice.zone, choice.year ?? run_year, tables)
  const region = cloudZone(choice.cloud_region)
  if (region === null)
    return {
      kind: 'none',
      code: 'no_zone',
      assumptions: [
        `No zone is known for ${choice.cloud_region}; give intensity.zone with its zone of Electricity Maps.`,
      ],
    }
  const found = zoneFactor(region.zone, choice.year ?? run_year, tables)
  if (found.kind !== 'constant') return found
  const said = `${choice.cloud_region} taken as zone ${region.zone} (table reviewed ${region.reviewed_at}).`
  return {
    kind: 'constant',
    found: { ...found.found, assumptions: [said, ...found.found.assumptions] },
  }
}

function ownFactor(factor: Factor, run_year: number | null): Intensity {
  if (!(factor.value > 0)) return missingZero(factor.zone)
  const year = factor.period === null ? null : yearOf(factor.period.from)
  const stale = year !== null && run_year !== null && run_year - year > 2
  return {
    kind: 'constant',
    found: {
      factor,
      year,
      u: factor.u ?? U.year,
      codes: stale ? ['stale_factor'] : [],
      provenance: 'user',
      assumptions: [],
    },
  }
}

const missingZero = (zone: string): Intensity => ({
  kind: 'none',
  code: 'zero_is_missing',
  assumptions: [`The factor of ${zone} is zero or below, as no electricity is.`],
})

/** A number above zero, also where a table writes it as text. */
const usable = (value: unknown): number | null => {
  if (typeof value !== 'number' && typeof value !== 'string') return null
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  return Number.isFinite(number) && number > 0 ? number : null
}

const has = (table: Readonly<Record<string, unknown>> | undefined, key: string): boolean =>
  table !== undefined && Object.hasOwn(table, key)

function zoneFactor(zone: string, year: number | null, tables: IntensityTables): Intensity {
  const country = zone.split('-')[0] ?? zone
  const own = fromMaps(zone, year, tables)
  if (own !== null) return constant(own)
  if (country !== zone) {
    const whole = fromMaps(country, year, tables)
    if (whole !== null)
      return constant({
        ...whole,
        u: U.country,
        codes: [...whole.codes, 'country_for_zone'],
        assumptions: [...whole.assumptions, `No factor of ${zone}: that of ${country} was taken.`],
      })
  }
  const iso3 = Object.hasOwn(ISO3_OF, country) ? ISO3_OF[country] : undefined
  const key = has(tables.ember, zone) ? zone : iso3
  const value = key === undefined ? null : usable(tables.ember[key])
  if (key !== undefined && value !== null)
    return constant(fromEmber(key, value, zone, year, tables))
  const known =
    Object.values(tables.electricity_maps).some((t) => has(t, zone)) ||
    (key !== undefined && has(tables.ember, key))
  return known
    ? missingZero(zone)
    : {
        kind: 'none',
        code: 'no_zone',
        assumptions: [unknownZone(zone, tables)],
      }
}

const constant = (found: FoundFactor): Intensity => ({ kind: 'constant', found })

/** The zone's own table of the year, else of its newest year. */
function fromMaps(zone: string, year: number | null, tables: IntensityTables): FoundFactor | null {
  const years = Object.keys(tables.electricity_maps)
    .map(Number)
    .filter((y) => usable(tables.electricity_maps[y]?.[zone]) !== null)
    .sort((a, b) => b - a)
  const taken = year !== null && years.includes(year) ? year : years[0]
  if (taken === undefined) return null
  const other = year !== taken
  const codes: CostCode[] = other ? ['year_substituted'] : []
  if (year !== null && year - taken > 2) codes.push('stale_factor')
  return {
    factor: {
      value: usable(tables.electricity_maps[taken]?.[zone]) as number,
      unit: FACTOR_UNIT,
      zone,
      source: ATTRIBUTION.electricity_maps,
      source_version: tables.version,
      basis: 'consumption',
      scope: 'lifecycle',
      kind: 'average',
      period: { from: `${taken}-01-01T00:00:00Z`, to: `${taken + 1}-01-01T00:00:00Z` },
      estimated: false,
      licence: 'ODbL-1.0',
      u: null,
    },
    year: taken,
    u: other ? U.other_year : U.year,
    codes,
    provenance: 'published',
    assumptions: other
      ? [
          year === null
            ? `The run does not tell its year: that of ${taken} was taken.`
            : `No factor of ${zone} in ${year}: that of ${taken} was taken.`,
        ]
      : [],
  }
}

function fromEmber(
  key: string,
  value: number,
  zone: string,
  year: number | null,
  tables: IntensityTables,
): FoundFactor {
  return {
    factor: {
      value,
      unit: FACTOR_UNIT,
      zone: key,
      source: ATTRIBUTION.ember,
      source_version: tables.version,
      basis: 'generation',
      scope: 'lifecycle',
      kind: 'average',
      period: null,
      estimated: false,
      licence: 'CC-BY-SA-4.0',
      u: null,
    },
    year: null,
    u: zone.includes('-') ? U.country : U.other_year,
    codes: zone.includes('-') ? ['country_for_zone'] : [],
    provenance: 'published',
    assumptions: [
      `Of electricity generated in ${key}, not of what is used there; the table does not tell its year (2022 to 2024)${year === null ? '' : `, ${year} was asked for`}. Do not compare it with a factor of Electricity Maps: they differ by 16 to 36 %.`,
    ],
  }
}

function unknownZone(zone: string, tables: IntensityTables): string {
  const all = new Set([
    ...Object.values(tables.electricity_maps).flatMap((t) => Object.keys(t)),
    ...Object.keys(tables.ember),
  ])
  const start = zone.slice(0, 2).toUpperCase()
  const near = [...all].filter((z) => z.startsWith(start)).sort()
  const hint =
    near.length === 0
      ? ' Zones are named as Electricity Maps does (DE, US-CAL-CISO), countries also by three letters (DEU); WORLD is all.'
      : ` Known are ${near.slice(0, 8).join(', ')}.`
  return `No table has a zone ${JSON.stringify(zone)}.${hint}`
}

const yearOf = (text: string): number => Number(text.slice(0, 4))
