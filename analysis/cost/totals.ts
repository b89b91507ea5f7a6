import { civilOf } from '../schema/instant.ts'
import type { Scenario } from '../schema/scenario.ts'
import type { SiteRow, SiteTable } from '../schema/sites.ts'
import { ANALYSIS_VERSION } from '../schema/summary.ts'
import type { TotalPart, Totals } from '../schema/totals.ts'
import { type IntensityTables, NO_TABLES } from './intensity.ts'
import { atSite, siteFinder } from './site-table.ts'
import {
  leftOut,
  type PricedPiece,
  type Rates,
  ratesOf,
  TOTAL_LINES,
  type TotalLine,
} from './total-rates.ts'
import { TotalsSum } from './totals-sum.ts'
import { WithoutSite } from './without-site.ts'

/** Energy of one run within one hour, with what it may be grouped by. */
export interface TotalsRow extends PricedPiece {
  readonly run_id: string
  readonly part: TotalPart
  readonly estimated_uj: number
  /** Relative standard uncertainty of the energy. */
  readonly u: number
  readonly keys: Readonly<Record<string, string | null>>
  readonly host: string | null
  readonly site: string | null
}

export interface TotalsRequest {
  readonly by: readonly string[]
  readonly scenario: Scenario
  readonly sites: SiteTable | null
  readonly tables?: IntensityTables
}

/** Asks of the site a price, a factor or a share that some other site has. */
type Asked = ReadonlySet<TotalLine>

/**
 * Everything that was measured, summed: each hour of each run is priced as `cost` prices it, rounded once to a whole
 * number of microjoules or billionths, and these are added. So sums are exact, in any order, and groups add up to the
 * whole to the last digit. What has no factor is told with its share of the energy; it neither voids a total nor counts
 * as zero.
 * Source: docs/totals.md, "How it is summed".
 */
export function totals(
  rows: Iterable<TotalsRow>,
  request: TotalsRequest,
): Omit<Totals, 'runs'> & { readonly run_ids: ReadonlySet<string> } {
  const { by, scenario, sites, tables = NO_TABLES } = request
  const find = sites === null ? null : siteFinder(sites)
  const known = new Map<SiteRow | null, Map<number | null, Rates>>()
  const asked = linesAsked([scenario, ...(sites?.sites ?? []).map((row) => atSite(scenario, row))])
  const groups = new Map<string, TotalsSum>()
  const unplaced = new WithoutSite()
  const dayOf = calendar()
  for (const row of rows) {
    const { from_ms } = row
    const { year, month } = from_ms === null ? NO_DAY : dayOf(from_ms)
    const site = find === null || from_ms === null ? null : find(row.site, row.host, from_ms)
    if (find !== null && site === null) unplaced.add(row)
    const values = by.map((b) => {
      if (b === 'month') return month
      return row.keys[b] ?? (b === 'site' ? (site?.site ?? null) : null)
    })
    const name = values.map((v) => v ?? '\0').join('\n')
    let group = groups.get(name)
    if (group === undefined) {
      group = new TotalsSum(Object.fromEntries(by.map((b, i) => [b, values[i] ?? null])))
      groups.set(name, group)
    }
    if (row.estimated_uj > 0) group.estimate(row.run_id, row.estimated_uj)
    // Of what was only modelled nothing is counted, neither its energy nor the hours of its hardware.
    if (row.estimated_uj > 0 && row.it_uj === 0) continue
    const rates = ratesAt(site, year)
    group.add(row, rates, asked)
  }
  const all = new TotalsSum({})
  for (const group of groups.values()) all.merge(group)
  const { currency } = scenario
  const order = (a: TotalsSum, b: TotalsSum) => (sortKey(a) < sortKey(b) ? -1 : 1)
  const used = [...all.rates.keys()]
  return {
    by: [...by],
    scenario_id: scenario.id,
    currency,
    analysis_version: ANALYSIS_VERSION,
    tables_version: tables.version,
    groups: [...groups.values()].sort(order).map((g) => g.shown(currency)),
    total: all.shown(currency),
    factors: used
      .map((rates) => ({
        scenario_id: rates.scenario.id,
        year: rates.year,
        factor: rates.factor,
        series: rates.series?.series.source ?? null,
        cautions: [...rates.cautions],
        kwh: all.kwhOf(rates),
      }))
      .sort((a, b) =>
        JSON.stringify([a.scenario_id, a.year]) < JSON.stringify([b.scenario_id, b.year]) ? -1 : 1,
      ),
    left_out: monthly(used.map((r) => r.scenario)),
    ...(find === null ? {} : { without_site: unplaced.shown() }),
    attribution: [...new Set(used.flatMap(sourcesOf))].sort(),
    run_ids: all.runs,
  }

  function ratesAt(site: SiteRow | null, year: number | null): Rates {
    const own = known.get(site) ?? new Map<number | null, Rates>()
    known.set(site, own)
    let rates = own.get(year)
    if (rates === undefined) {
      rates = ratesOf(site === null ? scenario : atSite(scenario, site), year, tables)
      own.set(year, rates)
    }
    return rates
  }
}

interface Day {
  readonly year: number | null
  readonly month: string | null
}
const NO_DAY: Day = { year: null, month: null }
const MS_PER_DAY = 86_400_000

/** Year and month of an instant, worked out once a day. */
function calendar(): (ms: number) => Day {
  const known = new Map<number, Day>()
  return (ms) => {
    const day = Math.floor(ms / MS_PER_DAY)
    let found = known.get(day)
    if (found === undefined) {
      const { year, month } = civilOf(ms)
      found = { year, month: `${year}-${String(month).padStart(2, '0')}` }
      known.set(day, found)
    }
    return found
  }
}

/** Groups in order of their keys, what is not told last. */
const sortKey = (g: TotalsSum): string =>
  JSON.stringify(Object.values(g.key).map((v) => (v === null ? '\uffff' : v)))

/** Lines that the scenario asks for at any place. */
function linesAsked(scenarios: readonly Scenario[]): Asked {
  const piece: PricedPiece = { from_ms: 0, to_ms: 1, duration_ms: 1, it_uj: 1, gpus: 1 }
  const asked = new Set<TotalLine>()
  for (const scenario of scenarios) {
    const amounts = ratesOf(scenario, null, NO_TABLES).amounts(piece)
    for (const id of TOTAL_LINES) {
      const amount = amounts[id]
      if (typeof amount === 'number' || !leftOut(amount)) asked.add(id)
    }
  }
  return asked
}

function monthly(scenarios: readonly Scenario[]): string[] {
  const has = (test: (tariff: NonNullable<Scenario['tariff']>) => boolean) =>
    scenarios.some(({ tariff }) => tariff !== null && test(tariff))
  return [
    ...(has((t) => t.demand !== null && t.demand.allocate !== 'none')
      ? ['electricity_demand']
      : []),
    ...(has((t) => t.fixed_per_month > 0) ? ['electricity_fixed'] : []),
  ]
}

/** Data under a licence are named wherever they are shown. */
const sourcesOf = ({ factor, series }: Rates): string[] => {
  const of = factor ?? series?.series ?? null
  return of === null || of.licence === '' ? [] : [of.source]
}
