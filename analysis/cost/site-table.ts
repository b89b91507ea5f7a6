import { patternsMeet } from '../schema/host-pattern.ts'
import type { Scenario } from '../schema/scenario.ts'
import { type SiteRow, type SiteTable, siteSpan } from '../schema/sites.ts'
import { tariffSchema } from '../schema/tariff.ts'
import { type IntensityTables, intensityOf } from './intensity.ts'

/** The row of a host on a day; null: the table has none. */
export type FindSite = (site: string | null, host: string | null, at_ms: number) => SiteRow | null

/**
 * Finds rows: by the site that a run tells, else by its host's name. Hosts are looked up once.
 * Source: docs/totals.md, "Sites".
 */
export function siteFinder({ sites }: SiteTable): FindSite {
  const known = new Map<string, readonly (SiteRow & { from_ms: number; to_ms: number })[]>()
  const rows = sites.map((row) => ({ ...row, ...siteSpan(row) }))
  return (site, host, at_ms) => {
    if (site === null && host === null) return null
    const key = site === null ? `h${host}` : `s${site}`
    let own = known.get(key)
    if (own === undefined) {
      own = rows.filter((r) =>
        site !== null ? r.site === site : r.hosts.some((h) => patternsMeet(h, host ?? '')),
      )
      known.set(key, own)
    }
    return own.find((r) => r.from_ms <= at_ms && at_ms < r.to_ms) ?? null
  }
}

/** A scenario put at a site: what the row tells stands in place of the scenario's own. */
export function atSite(scenario: Scenario, row: SiteRow): Scenario {
  const { zone, pue, wue, tariff, currency } = row
  return {
    ...scenario,
    id: `${scenario.id}@${row.site}`,
    ...(zone === null ? {} : { intensity: { zone, year: yearAsked(scenario) } }),
    ...(pue === null ? {} : { pue }),
    ...(wue === null ? {} : { wue }),
    ...(tariff === null
      ? {}
      : {
          tariff:
            typeof tariff !== 'number'
              ? tariff
              : tariffSchema.parse({
                  tz: 'UTC',
                  currency,
                  default_rate: tariff,
                  as_of: row.from,
                  source: `site ${row.site}`,
                }),
        }),
  }
}

/** A year that the scenario asks for holds at every site. */
const yearAsked = ({ intensity }: Scenario): number | null =>
  intensity !== null && 'year' in intensity ? intensity.year : null

/** Rows whose zone no table knows, each with what is near. */
export function unknownZones(
  { sites }: SiteTable,
  tables: IntensityTables,
): { readonly row: number; readonly message: string }[] {
  return sites.flatMap(({ zone }, row) => {
    if (zone === null) return []
    const found = intensityOf({ zone, year: null }, null, tables)
    return found.kind === 'none' ? [{ row, message: found.assumptions.join(' ') }] : []
  })
}
