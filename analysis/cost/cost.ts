import { utf8ToBytes } from '@noble/hashes/utils.js'
import {
  type CostLedger,
  type CostReason,
  LINE_IDS,
  LINES,
  TOTAL_IDS,
  TOTALS,
} from '../schema/cost.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import { civilOf } from '../schema/instant.ts'
import { canonicalJson, sha256Hex } from '../schema/key.ts'
import type { Scenario } from '../schema/scenario.ts'
import { locationLine, type SiteDraw } from './carbon.ts'
import { hourlyMatch, marketLine } from './carbon-market.ts'
import { type Draw, drawOf } from './cost-draw.ts'
import { electricityLines } from './cost-electricity.ts'
import { hardwareLines } from './cost-hardware.ts'
import { type CostLine, known, lineValue, missing, shown, wholeLine } from './cost-line.ts'
import { perUnits } from './cost-per-unit.ts'
import { effects, rangeEffect, rangeTerm, type Term, varianceShares } from './cost-terms.ts'
import { LEFT_OUT, totalEffects, totalsOf } from './cost-totals.ts'
import { embodiedLines } from './embodied.ts'
import { type Intensity, type IntensityTables, intensityOf, NO_TABLES } from './intensity.ts'
import { sciOf } from './sci.ts'
import { waterInputs, waterLines } from './water.ts'

/** PUE of a site of which nothing is known. */
const UNKNOWN_PUE = { low: 1.1, high: 1.6 } as const

/**
 * Carbon, water and money of a run's energy under a scenario: a pure function, so that any stored run is costed again
 * by another call. Each line has its amount with a 95 % range, or null and why; a total is the exact sum of its lines.
 * @param tables published factors, by zone and year; without them only factors of the scenario's own are known
 * Source: docs/cost.md.
 */
export function cost(
  timeline: EnergyTimeline,
  scenario: Scenario,
  tables: IntensityTables = NO_TABLES,
): CostLedger {
  const draw = drawOf(timeline, scenario)
  const site = typeof draw === 'string' ? draw : siteOf(draw, scenario)
  const intensity = choiceOf(scenario, draw, timeline, tables)
  const location = locationLine(draw, typeof site === 'string' ? null : site, intensity)
  const lines = [
    ...energyLines(draw, scenario),
    location,
    marketLine(site, scenario),
    ...embodiedLines(timeline, scenario),
    ...waterLines(
      typeof draw === 'string' ? draw : waterInputs(draw, siteOf(draw, scenario)),
      scenario,
    ),
    ...electricityLines(site, scenario),
    ...hardwareLines(timeline, scenario),
    shadowLine(location, scenario),
  ]
  const byId = new Map(lines.map((l) => [l.id, l]))
  const ordered = LINE_IDS.map((id) => byId.get(id) ?? missing(id, 'not_asked'))
  const totals = totalsOf(ordered, scenario.currency)
  const { market } = scenario
  const first = timeline.intervals[0]
  return {
    run_id: timeline.run_id,
    scenario_id: scenario.id,
    boundary: timeline.boundary,
    span: timeline.span,
    from: first?.from ?? null,
    to: timeline.intervals.at(-1)?.to ?? null,
    seconds: timeline.seconds,
    currency: scenario.currency,
    lines: ordered.map((l) => shown(l, scenario.currency)),
    totals,
    per_unit: perUnits(totals, timeline),
    hourly_match:
      market?.hourly_cfe_kwh == null || typeof site === 'string'
        ? null
        : hourlyMatch(site.pieces, market.hourly_cfe_kwh),
    sensitivity: TOTAL_IDS.flatMap((id) =>
      totals[id]?.amount == null
        ? []
        : varianceShares(totalEffects(ordered, TOTALS[id])).map((s) => ({ total: id, ...s })),
    ),
    sci: sciOf(ordered, timeline, scenario),
    warnings: warningsOf(ordered, timeline),
    notes: [...timeline.notes],
    attribution: attributionOf(ordered),
    inputs_hash: sha256Hex(
      utf8ToBytes(canonicalJson({ timeline, scenario, tables: tables.version })),
    ),
  }
}

/** IT energy and host times PUE; of an unknown PUE the IT alone, with a range up to what a poor site would add. */
export function siteOf(draw: Draw, { pue }: Scenario): SiteDraw {
  const kwh = draw.it_kwh + draw.host_kwh
  if (pue === null)
    return {
      kwh,
      pieces: draw.pieces,
      terms: [...draw.terms, ...rangeTerm('pue', { low: 1, value: 1, high: UNKNOWN_PUE.high })],
      pue_known: false,
      assumptions: [
        `PUE is not known: IT energy alone. A PUE of ${UNKNOWN_PUE.low} to ${UNKNOWN_PUE.high} makes it so many times as much.`,
      ],
    }
  return {
    kwh: kwh * pue.value,
    pieces: draw.pieces.map((p) => ({ ...p, kwh: p.kwh * pue.value })),
    terms: [...draw.terms, ...rangeTerm('pue', pue)],
    pue_known: true,
    assumptions: [`PUE ${pue.value}.`],
  }
}

function energyLines(draw: Draw | CostReason, { host_share_w, pue }: Scenario): CostLine[] {
  if (typeof draw === 'string')
    return (['energy_it', 'host', 'energy_overhead'] as const).map((id) =>
      missing(id, id === 'host' && host_share_w === null ? 'not_asked' : draw),
    )
  const kwh = draw.it_kwh + draw.host_kwh
  const range = { low: UNKNOWN_PUE.low - 1, high: UNKNOWN_PUE.high - 1 }
  return [
    wholeLine('energy_it', draw.it_uj, {
      effects: effects(draw.it_kwh, draw.it_terms),
      provenance: draw.modelled ? 'estimated' : 'measured',
      assumptions: draw.methods,
    }),
    host_share_w === null
      ? missing('host', 'not_asked')
      : known('host', draw.host_kwh, {
          terms: draw.host_terms,
          factor: { value: host_share_w.value, unit: 'W' },
          provenance: 'user',
        }),
    pue === null
      ? missing('energy_overhead', 'pue_unknown', {
          assumptions: [
            `Between ${(kwh * range.low).toPrecision(4)} and ${(kwh * range.high).toPrecision(4)} kWh at a PUE of ${UNKNOWN_PUE.low} to ${UNKNOWN_PUE.high}.`,
          ],
        })
      : known('energy_overhead', kwh * (pue.value - 1), {
          effects: overheadEffects(kwh, draw.terms, pue),
          factor: { value: pue.value, unit: 'PUE' },
          provenance: 'user',
        }),
  ]
}

const overheadEffects = (
  kwh: number,
  terms: readonly Term[],
  pue: { low: number; value: number; high: number },
): Term[] => [
  ...effects(kwh * (pue.value - 1), terms),
  ...rangeEffect('pue', kwh * (pue.low - 1), kwh * (pue.value - 1), kwh * (pue.high - 1)),
]

function choiceOf(
  scenario: Scenario,
  draw: Draw | CostReason,
  timeline: EnergyTimeline,
  tables: IntensityTables,
): Intensity | null {
  if (scenario.intensity === null) return null
  const start = typeof draw === 'string' ? null : (draw.pieces[0]?.from_ms ?? null)
  const told = timeline.intervals[0]?.from ?? null
  const year =
    start !== null ? civilOf(start).year : told === null ? null : Number(told.slice(0, 4))
  return intensityOf(scenario.intensity, year, tables)
}

/** What the operational emissions of the location would cost at the scenario's price of carbon. */
function shadowLine(location: CostLine, { carbon_price_per_t }: Scenario): CostLine {
  if (carbon_price_per_t === null) return missing('carbon_shadow', 'not_asked')
  const grams = lineValue(location, LINES.co2_location.group)
  if (grams === null) return missing('carbon_shadow', location.reason ?? 'no_data')
  const rate = carbon_price_per_t / 1e6
  return known('carbon_shadow', grams * rate, {
    effects: location.effects.map((e) => ({
      name: e.name,
      down: e.down * rate,
      up: e.up * rate,
      least: e.least * rate,
      most: e.most * rate,
    })),
    factor: { value: carbon_price_per_t, unit: 'per tCO2e' },
    provenance: 'user',
    assumptions: ['Of location-based emissions; a price to reckon with, not one that is paid.'],
  })
}

function warningsOf(lines: readonly CostLine[], timeline: EnergyTimeline): CostReason[] {
  const said = lines.flatMap((l) => [...l.codes, ...(l.reason === null ? [] : [l.reason])])
  return [
    ...new Set<CostReason>([
      ...(timeline.boundary_partial ? (['boundary_partial'] as const) : []),
      ...said.filter((r) => !LEFT_OUT.has(r)),
    ]),
  ]
}

/** Data under a licence are named wherever they are shown. */
const attributionOf = (lines: readonly CostLine[]): string[] => [
  ...new Set(
    lines.flatMap((l) => [
      ...l.licences,
      ...(l.licence !== null && l.provenance === 'published' && l.source !== null
        ? [l.source]
        : []),
    ]),
  ),
]
