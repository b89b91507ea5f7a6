import { type IntensityTables, intensityOf } from '../cost/intensity.ts'
import { type Rates, ratesOf } from '../cost/total-rates.ts'
import type { Pricing } from '../schema/choosing.ts'
import type { TotalId } from '../schema/cost.ts'
import type { Scenario } from '../schema/scenario.ts'
import type { Candidate } from './candidate.ts'
import { pricedTotalOf } from './choice-metric.ts'
import { pricedCandidate, totalsLacking } from './priced-candidate.ts'

/** A metric that a question asks for, and the parameter by which it does. */
export interface AskedMetric {
  readonly path: string
  readonly metric: string
}

/** What of a question or its scenario can't be answered: where it stands, and a sentence without its subject. */
export interface PricingFault {
  readonly path: string
  readonly message: string
}

/** One scenario for all candidates. */
export interface Pricer {
  price(candidate: Candidate): Candidate
  /** By what these were priced, and what is to be known of it. */
  pricing(candidates: readonly Candidate[]): Pricing
}

/**
 * A scenario made ready to price candidates by: one factor and one price, for only then are they comparable.
 * @param year for which the factor is looked up where the scenario names none
 * @param asked metrics that must have a meaning under it
 * @returns faults where prices change by the hour, or where the scenario says nothing of what is asked for
 * Source: docs/metrics.md, "Choosing a configuration".
 */
export function pricerOf(
  scenario: Scenario,
  year: number,
  tables: IntensityTables,
  asked: readonly AskedMetric[],
): Pricer | readonly PricingFault[] {
  const changing = changesWithTime(scenario)
  if (changing.length > 0) return changing
  const rates = ratesOf(scenario, year, tables)
  const lacking = totalsLacking(rates)
  const unsaid = asked.flatMap(({ path, metric }): PricingFault[] => {
    const total = pricedTotalOf(metric)
    const reason = total === null ? null : lacking[total]
    if (total === null || reason === null || !UNSAID.includes(reason)) return []
    return [{ path, message: `asks for ${metric}, which needs ${NEEDS[total]}` }]
  })
  if (unsaid.length > 0) return unsaid
  const pricing = pricingOf(scenario, year, rates, tables)
  return {
    price: (candidate) => pricedCandidate(candidate, rates),
    pricing: (candidates) => ({
      ...pricing,
      assumptions: [...pricing.assumptions, ...oneForAll(scenario, candidates)],
    }),
  }
}

const UNSAID: readonly string[] = ['not_asked', 'pue_unknown']

/** What a scenario must say for a total to have a meaning. */
const NEEDS: Readonly<Record<TotalId, string>> = {
  energy: 'the PUE of the site: give pue',
  carbon_location: 'the place of the electricity: give zone, cloud_region or g_per_kwh',
  carbon_market: 'the market of the electricity: give a scenario with market (docs/cost.md)',
  embodied: 'the emissions of making a GPU: give embodied, such as h100-sxm',
  water: 'the water of the site or of its electricity: give wue_site or wue_grid',
  money: 'a price: give price_per_kwh or tariff, or rent_per_gpu_hour or hardware',
}

/** Candidates have no time of day and no month: what depends on them has no one value for all. */
function changesWithTime({ intensity, tariff }: Scenario): PricingFault[] {
  const faults: PricingFault[] = []
  if (intensity !== null && 'series' in intensity)
    faults.push({
      path: 'intensity',
      message: `is a series over time (${intensity.series.source}), and candidates have no hour: all are priced by one factor; give zone or g_per_kwh in its place, or ask for the hours of one run with cost --hour or --best-hours`,
    })
  const why =
    tariff === null
      ? null
      : tariff.periods.length > 0 || tariff.spot !== null
        ? 'has prices by the hour'
        : tariff.demand !== null && tariff.demand.allocate !== 'none'
          ? 'has a demand charge'
          : tariff.fixed_per_month > 0
            ? 'has a charge by the month'
            : null
  if (tariff !== null && why !== null)
    faults.push({
      path: 'tariff',
      message: `${why} (${tariff.source}), and candidates have no hour or month: all are priced by one price; give price_per_kwh in its place, or ask for one run with cost`,
    })
  return faults
}

function pricingOf(
  scenario: Scenario,
  year: number,
  { factor, cautions }: Rates,
  tables: IntensityTables,
): Pricing {
  const intensity =
    scenario.intensity === null ? null : intensityOf(scenario.intensity, year, tables)
  const found = intensity?.kind === 'constant' ? intensity.found : null
  const none = intensity?.kind === 'none' ? intensity : null
  return {
    statement: `Priced by ${said(scenario, found).join('; ')}.`,
    scenario: { ...scenario },
    year,
    factor,
    factor_year: found?.year ?? null,
    currency: scenario.currency,
    cautions: [...new Set([...cautions, ...(none === null ? [] : [none.code])])].filter(
      (code) => code !== 'pue_unknown' || pricesEnergy(scenario),
    ),
    assumptions: [...(found?.assumptions ?? none?.assumptions ?? [])],
    tables_version: tables.version,
    attribution: factor === null || factor.licence === '' ? [] : [factor.source],
  }
}

/** A GPU of one model is not made, bought or rented as one of another is. */
function oneForAll(
  { hardware, embodied }: Scenario,
  candidates: readonly Candidate[],
): readonly string[] {
  const models = [...new Set(candidates.flatMap((c) => c.gpu_model ?? []))].sort()
  if (models.length < 2) return []
  const [few, more] = [models.slice(0, 4).join(', '), models.length > 4 ? ', ...' : '']
  const what = [
    ...(hardware === null ? [] : ['price of a GPU hour']),
    ...(embodied === null ? [] : ['figure for making a GPU']),
  ]
  return what.map(
    (words) =>
      `One ${words} was put to GPUs of ${models.length} models (${few}${more}); choose within one (gpu_model) where they differ.`,
  )
}

/** Whether anything follows the energy of the site: a rent that includes electricity alone does not. */
const pricesEnergy = ({ intensity, market, wue, tariff, hardware }: Scenario): boolean =>
  intensity !== null ||
  market !== null ||
  wue !== null ||
  (tariff !== null && !(hardware?.kind === 'rent' && hardware.includes_electricity))

type Found = Extract<ReturnType<typeof intensityOf>, { kind: 'constant' }>['found']

/** What a scenario says, in words: only what changes a number. */
function said(scenario: Scenario, found: Found | null): string[] {
  const { intensity, market, pue, host_share_w, wue, tariff, hardware, embodied } = scenario
  const { currency } = scenario
  const words: string[] = []
  if (found !== null) {
    const { zone, value, source } = found.factor
    const where = zone === 'user' ? '' : `${zone}${found.year === null ? '' : ` ${found.year}`}, `
    words.push(`electricity of ${where}${short(value)} g/kWh (${source})`)
  } else if (intensity !== null) words.push('electricity of unknown emissions')
  if (market !== null) words.push(`${short(100 * market.eac_share)} % certificates`)
  if (pue !== null) words.push(`PUE ${short(pue.value)}`)
  else if (pricesEnergy(scenario)) words.push('an unknown PUE')
  if (host_share_w !== null) words.push(`${short(host_share_w.value)} W of the host`)
  if (wue?.site_l_per_it_kwh != null)
    words.push(`${short(wue.site_l_per_it_kwh.value)} L/kWh at the site`)
  if (wue?.grid_l_per_kwh != null)
    words.push(`${short(wue.grid_l_per_kwh.value)} L/kWh of the electricity`)
  const included = hardware?.kind === 'rent' && hardware.includes_electricity
  if (tariff?.default_rate != null && !included)
    words.push(`${short(tariff.default_rate)} ${tariff.currency}/kWh (${tariff.source})`)
  if (hardware?.kind === 'rent')
    words.push(
      `${short(hardware.per_gpu_hour.value)} ${hardware.currency ?? currency} per GPU hour${included ? ', electricity included' : ''} (${hardware.source})`,
    )
  if (hardware?.kind === 'own')
    words.push(
      `${short(hardware.capex.value)} ${hardware.currency ?? currency} for ${hardware.gpus} GPUs (${hardware.source})`,
    )
  if (embodied !== null)
    words.push(`${short(embodied.kg_per_gpu.value)} kg to make a GPU (${embodied.source})`)
  return words
}

const short = (value: number): string => String(Number(value.toPrecision(4)))
