import type { CostReason, LineId } from '../schema/cost.ts'
import type { Factor } from '../schema/factor.ts'
import type { Scenario } from '../schema/scenario.ts'
import { J_PER_KWH } from '../schema/units.ts'
import { intensityHeld, type SiteDraw } from './carbon.ts'
import { marketLine } from './carbon-market.ts'
import { siteOf } from './cost.ts'
import { type Piece, UJ_PER_KWH } from './cost-draw.ts'
import { exchange } from './cost-electricity.ts'
import { HOURS_PER_YEAR, ownPerGpuHour } from './cost-hardware.ts'
import { perUnit } from './cost-line.ts'
import { overlap } from './cost-overlap.ts'
import { rangeTerm, standardTerm, type Term } from './cost-terms.ts'
import { LEFT_OUT } from './cost-totals.ts'
import { embodiedShare } from './embodied.ts'
import { type Intensity, type IntensityTables, intensityOf } from './intensity.ts'
import { energyPrice, spotHeld } from './tariff.ts'
import { type ZoneClock, zoneClock } from './time-zone.ts'

/** Measured energy at constant power within one hour, as totals price it. */
export interface PricedPiece {
  readonly from_ms: number | null
  readonly to_ms: number | null
  readonly duration_ms: number
  readonly it_uj: number
  readonly gpus: number
}

/** Lines that belong to hours of a run. Charges by the month are of the site, and in no total over runs. */
export const TOTAL_LINES = [
  'energy_it',
  'host',
  'energy_overhead',
  'co2_location',
  'co2_market',
  'embodied',
  'embodied_idle',
  'water_site',
  'water_grid',
  'electricity_energy',
  'tax',
  'hw_rent',
  'hw_capex',
  'hw_opex',
] as const satisfies readonly LineId[]
export type TotalLine = (typeof TOTAL_LINES)[number]

/** Whole microjoules or billionths of the unit; else why there is none. */
export type LineAmount = number | CostReason

/** What a piece of energy amounts to under one scenario in one year. */
export interface Rates {
  readonly scenario: Scenario
  readonly year: number | null
  readonly amounts: (piece: PricedPiece) => Readonly<Record<TotalLine, LineAmount>>
  /** Relative spread of each line's factors, beside that of the energy. */
  readonly terms: Readonly<Record<TotalLine, readonly Term[]>>
  /** What is to be known of the location's factor though there is one. */
  readonly cautions: readonly CostReason[]
  /** null: none, or a series. */
  readonly factor: Factor | null
  readonly series: (Intensity & { kind: 'series' }) | null
}

/** Lines whose amount follows the energy, so that they share its uncertainty. */
export const OF_ENERGY: ReadonlySet<TotalLine> = new Set<TotalLine>([
  'energy_it',
  'energy_overhead',
  'co2_location',
  'co2_market',
  'water_site',
  'water_grid',
  'electricity_energy',
  'tax',
])

const NANO = perUnit('money')
/** Grams, litres and money as whole billionths, as lines of a ledger are. */
const nano = (value: number): number => Math.round(value * NANO)

/**
 * A scenario made ready for many pieces: formulas and reasons of `cost`, factors looked up and series read once.
 * @param year of the energy, for factors of the year
 * Source: docs/totals.md, "How it is summed".
 */
export function ratesOf(scenario: Scenario, year: number | null, tables: IntensityTables): Rates {
  const { pue, wue, host_share_w } = scenario
  const unit: SiteDraw = siteOf(
    {
      it_uj: BigInt(UJ_PER_KWH),
      it_kwh: 1,
      host_kwh: 0,
      pieces: [],
      it_terms: [],
      host_terms: [],
      terms: [],
      modelled: false,
      methods: [],
    },
    scenario,
  )
  const intensity =
    scenario.intensity === null ? null : intensityOf(scenario.intensity, year, tables)
  const location = locationRate(intensity)
  const market = marketLine(unit, scenario)
  const electricity = electricityRate(scenario)
  const gpuHours = gpuHourRates(scenario)
  const amounts = (piece: PricedPiece): Record<TotalLine, LineAmount> => {
    const it_kwh = piece.it_uj / UJ_PER_KWH
    const host_kwh = ((host_share_w?.value ?? 0) * piece.duration_ms) / 1000 / J_PER_KWH
    const kwh = it_kwh + host_kwh
    const site_kwh = kwh * (pue?.value ?? 1)
    const at: Piece = { from_ms: piece.from_ms, to_ms: piece.to_ms, kwh: site_kwh }
    const price = electricity(at)
    return {
      energy_it: piece.it_uj,
      host: host_share_w === null ? 'not_asked' : Math.round(host_kwh * UJ_PER_KWH),
      energy_overhead:
        pue === null ? 'pue_unknown' : Math.round(kwh * (pue.value - 1) * UJ_PER_KWH),
      co2_location: location(at),
      co2_market:
        market.factor === null
          ? (market.reason ?? 'no_data')
          : nano(site_kwh * market.factor.value),
      water_site:
        wue?.site_l_per_it_kwh == null ? 'not_asked' : nano(kwh * wue.site_l_per_it_kwh.value),
      water_grid:
        wue?.grid_l_per_kwh == null ? 'not_asked' : nano(site_kwh * wue.grid_l_per_kwh.value),
      electricity_energy: price,
      tax: taxOn(price, scenario),
      ...gpuHours((piece.gpus * piece.duration_ms) / 3_600_000, piece.gpus),
    }
  }
  return {
    scenario,
    year,
    amounts,
    terms: termsOf(scenario, unit, intensity),
    cautions: [
      ...(intensity?.kind === 'constant' ? intensity.found.codes : []),
      ...(unit.pue_known ? [] : (['pue_unknown'] as const)),
    ],
    factor: intensity?.kind === 'constant' ? intensity.found.factor : null,
    series: intensity?.kind === 'series' ? intensity : null,
  }
}

type Rate = (piece: Piece) => LineAmount

function locationRate(intensity: Intensity | null): Rate {
  if (intensity === null) return () => 'not_asked'
  if (intensity.kind === 'none') return () => intensity.code
  if (intensity.kind === 'constant') {
    const { value } = intensity.found.factor
    return ({ kwh }) => nano(kwh * value)
  }
  const held = intensityHeld(intensity.series.rows)
  const annual = intensity.annual?.factor.value ?? null
  return (piece) => {
    const joined = overlap([piece], held)
    if (joined === null) return 'tz_missing'
    if (joined.gap_kwh === 0) return nano(joined.sum)
    return annual === null ? 'series_gap' : nano(joined.sum + joined.gap_kwh * annual)
  }
}

function electricityRate(scenario: Scenario): Rate {
  const { tariff, hardware } = scenario
  if (hardware?.kind === 'rent' && hardware.includes_electricity) return () => 'included_in_rent'
  if (tariff === null) return () => 'not_asked'
  const fx = exchange(scenario, tariff.currency)
  if (fx === null) return () => 'fx_missing'
  const clock = remembered(zoneClock(tariff.tz))
  const spot = spotHeld(tariff)
  return (piece) => {
    const priced = energyPrice([piece], tariff, clock, spot)
    if (priced === null) return 'tz_missing'
    if (priced.unpriced_kwh > 0) return spot === null ? 'price_unknown' : 'series_gap'
    return nano(priced.money * fx.value)
  }
}

const QUARTER_MS = 900_000

/** Zones set their clocks at quarters of an hour, and the platform's table is slow to ask. */
function remembered(clock: ZoneClock): ZoneClock {
  const known = new Map<number, number>()
  return (utc_ms) => {
    const quarter = Math.floor(utc_ms / QUARTER_MS)
    const found = known.get(quarter)
    if (found !== undefined) return found
    const offset = clock(quarter * QUARTER_MS)
    known.set(quarter, offset)
    return offset
  }
}

function taxOn(price: LineAmount, { tariff }: Scenario): LineAmount {
  if (tariff === null || tariff.tax_frac === 0) return 'not_asked'
  if (typeof price !== 'number') return price
  return Math.round(price * tariff.tax_frac)
}

type OfGpuHours = Pick<
  Record<TotalLine, LineAmount>,
  'embodied' | 'embodied_idle' | 'hw_rent' | 'hw_capex' | 'hw_opex'
>

/** What follows the hours of reserved GPUs. */
function gpuHourRates(scenario: Scenario): (hours: number, gpus: number) => OfGpuHours {
  const { embodied, hardware, currency } = scenario
  const fx = hardware === null ? null : exchange(scenario, hardware.currency ?? currency)
  const own = hardware?.kind === 'own' ? hardware : null
  const rent = hardware?.kind === 'rent' ? hardware.per_gpu_hour.value : null
  const capex = own === null ? null : ownPerGpuHour(own)
  const opex =
    own?.opex_per_year == null ? null : own.opex_per_year / (HOURS_PER_YEAR * own.util * own.gpus)
  const none = embodied === null ? 'not_asked' : 'not_applicable'
  const nobody = hardware === null ? 'not_asked' : 'not_applicable'
  const noGpu: OfGpuHours = {
    embodied: none,
    embodied_idle: none,
    hw_rent: nobody,
    hw_capex: nobody,
    hw_opex: own !== null && opex === null ? 'not_asked' : nobody,
  }
  const money = (hours: number, rate: number | null, without: CostReason): LineAmount => {
    if (rate === null) return without
    return fx === null ? 'fx_missing' : nano(hours * rate * fx.value)
  }
  return (hours, gpus) => {
    if (gpus === 0 || (embodied === null && hardware === null)) return noGpu
    const grams =
      embodied === null ? null : embodiedShare(embodied.kg_per_gpu.value, hours, embodied.years)
    return {
      embodied: grams === null ? none : nano(grams),
      embodied_idle:
        grams === null || embodied === null ? none : nano(grams * (1 / embodied.util - 1)),
      hw_rent: money(hours, rent, nobody),
      hw_capex: money(hours, capex, nobody),
      hw_opex: money(hours, opex, noGpu.hw_opex as CostReason),
    }
  }
}

function termsOf(
  scenario: Scenario,
  unit: SiteDraw,
  intensity: Intensity | null,
): Record<TotalLine, readonly Term[]> {
  const { pue, wue, host_share_w, tariff, hardware, embodied } = scenario
  const grid =
    intensity?.kind === 'constant'
      ? intensity.found.u
      : intensity?.kind === 'series'
        ? Math.max(intensity.u, intensity.annual?.u ?? 0)
        : 0
  const market = marketLine(unit, scenario)
  const value = market.factor === null ? 0 : Math.abs(unit.kwh * market.factor.value)
  const price = [...unit.terms, ...(tariff === null ? [] : [standardTerm('price', tariff.u)])]
  const made = embodied === null ? [] : rangeTerm('embodied_kg_per_gpu', embodied.kg_per_gpu)
  return {
    energy_it: [],
    host: host_share_w === null ? [] : rangeTerm('host_share_w', host_share_w),
    energy_overhead:
      pue === null
        ? []
        : rangeTerm('pue', { low: pue.low - 1, value: pue.value - 1, high: pue.high - 1 }),
    co2_location: [...unit.terms, standardTerm('intensity', grid)],
    co2_market:
      value === 0
        ? []
        : market.effects.map((e) => ({
            name: e.name,
            down: e.down / value,
            up: e.up / value,
            least: e.least / value,
            most: e.most / value,
          })),
    embodied: made,
    embodied_idle: made,
    water_site: wue?.site_l_per_it_kwh == null ? [] : rangeTerm('wue_site', wue.site_l_per_it_kwh),
    water_grid:
      wue?.grid_l_per_kwh == null
        ? []
        : [...unit.terms, ...rangeTerm('wue_grid', wue.grid_l_per_kwh)],
    electricity_energy: price,
    tax: price,
    hw_rent: hardware?.kind === 'rent' ? rangeTerm('hardware_price', hardware.per_gpu_hour) : [],
    hw_capex: hardware?.kind === 'own' ? rangeTerm('hardware_price', hardware.capex) : [],
    hw_opex: [],
  }
}

/** Whether a line that has no amount was never meant to have one. */
export const leftOut = (reason: CostReason): boolean => LEFT_OUT.has(reason)
