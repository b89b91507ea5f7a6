import type { CostReason, LineId } from '../schema/cost.ts'
import type { Scenario } from '../schema/scenario.ts'
import type { SiteDraw } from './carbon.ts'
import { type CostLine, known, missing } from './cost-line.ts'
import { standardTerm } from './cost-terms.ts'
import { energyPrice } from './tariff.ts'
import { monthCharges } from './tariff-demand.ts'
import { zoneClock } from './time-zone.ts'

const IDS = ['electricity_energy', 'electricity_demand', 'electricity_fixed', 'tax'] as const

/**
 * What electricity costs: energy by the hour, the run's part of demand and fixed charges, tax on all three. A rent that
 * holds the electricity leaves no such lines.
 * Source: docs/cost.md, "Electricity".
 */
export function electricityLines(site: SiteDraw | CostReason, scenario: Scenario): CostLine[] {
  const { tariff, hardware } = scenario
  const all = (reason: CostReason, assumptions: readonly string[] = []) =>
    IDS.map((id) => missing(id, reason, { assumptions }))
  if (hardware?.kind === 'rent' && hardware.includes_electricity) return all('included_in_rent')
  if (tariff === null) return all('not_asked')
  if (typeof site === 'string') return all(site)
  const rate = exchange(scenario, tariff.currency)
  if (rate === null) return all('fx_missing', [noRate(tariff.currency, scenario.currency)])
  const clock = zoneClock(tariff.tz)
  const charges = monthCharges(site.pieces, tariff, clock)
  const source = {
    source: `${tariff.source}, as of ${tariff.as_of}`,
    year: Number(tariff.as_of.slice(0, 4)),
    provenance: 'user' as const,
    codes: site.pue_known ? [] : (['pue_unknown'] as const),
  }
  const terms = [...site.terms, ...(tariff.u > 0 ? [standardTerm('price', tariff.u)] : [])]
  const said = [...rate.said, ...site.assumptions]
  const line = (id: LineId, money: number, assumptions: readonly string[]) =>
    known(id, money * rate.value, {
      terms,
      ...source,
      assumptions: [...assumptions, ...said],
    })
  const energy = energyLine(site, scenario, line)
  const { demand, fixed_per_month } = tariff
  const lines = [
    energy,
    demand === null || demand.allocate === 'none'
      ? missing('electricity_demand', 'not_asked')
      : charges === null
        ? missing('electricity_demand', 'tz_missing')
        : line('electricity_demand', charges.demand, [
            `${DEMAND[demand.allocate]} of a peak of ${charges.peak_kw.toPrecision(4)} kW, the highest mean over ${demand.window_min} minutes.`,
          ]),
    fixed_per_month === 0
      ? missing('electricity_fixed', 'not_asked')
      : charges === null
        ? missing('electricity_fixed', 'tz_missing')
        : known('electricity_fixed', charges.fixed * rate.value, {
            ...source,
            codes: [],
            assumptions: ['By the hours of the run of those of the month.', ...rate.said],
          }),
  ]
  return [...lines, taxLine(lines, tariff.tax_frac)]
}

const DEMAND = {
  time_share: "The run's hours of those of the month,",
  incremental: 'What the run adds to the peak of the site, each month whole,',
} as const

function energyLine(
  site: SiteDraw,
  { tariff }: Scenario,
  line: (id: LineId, money: number, assumptions: readonly string[]) => CostLine,
): CostLine {
  if (tariff === null) return missing('electricity_energy', 'not_asked')
  const priced = energyPrice(site.pieces, tariff, zoneClock(tariff.tz))
  if (priced === null) return missing('electricity_energy', 'tz_missing')
  if (priced.unpriced_kwh > 0)
    return missing('electricity_energy', tariff.spot === null ? 'price_unknown' : 'series_gap', {
      assumptions: [
        `No price for ${priced.unpriced_kwh.toPrecision(4)} kWh, the first at ${priced.first_unpriced}; the rest costs ${priced.money.toPrecision(6)} ${tariff.currency}.`,
      ],
    })
  const mean = site.kwh === 0 ? null : priced.money / site.kwh
  const found = line('electricity_energy', priced.money, [])
  return mean === null
    ? found
    : { ...found, factor: { value: mean, unit: `${tariff.currency}/kWh, weighted by energy` } }
}

/** On what is charged; null as soon as one of it is not known. */
function taxLine(lines: readonly CostLine[], tax_frac: number): CostLine {
  if (tax_frac === 0) return missing('tax', 'not_asked')
  const lost = lines.find((l) => l.whole === null && l.reason !== 'not_asked')
  if (lost !== undefined) return missing('tax', lost.reason ?? 'no_data')
  const base = lines.reduce((sum, l) => sum + Number(l.whole ?? 0n), 0) / 1e9
  return known('tax', base * tax_frac, {
    effects: lines
      .flatMap((l) => l.effects)
      .map((e) => ({
        name: e.name,
        down: e.down * tax_frac,
        up: e.up * tax_frac,
        least: e.least * tax_frac,
        most: e.most * tax_frac,
      })),
    factor: { value: tax_frac, unit: '1' },
    provenance: 'user',
  })
}

/** How many of the scenario's currency one of another is; null: no rate is given for it. */
export function exchange(
  { currency, fx }: Scenario,
  from: string,
): { value: number; said: readonly string[] } | null {
  if (from === currency) return { value: 1, said: [] }
  const found = fx.find((f) => f.from === from && f.to === currency)
  if (found === undefined) return null
  return {
    value: found.rate,
    said: [`1 ${from} = ${found.rate} ${currency} (${found.source}, ${found.date}).`],
  }
}

export const noRate = (from: string, to: string): string =>
  `The scenario is in ${to} and this price in ${from}: add { from: ${from}, to: ${to}, rate, date, source } to fx.`
