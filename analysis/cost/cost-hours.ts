import type { BestHours, HourOf } from '../schema/cost-hours.ts'
import type { EnergyTimeline } from '../schema/energy-timeline.ts'
import { instantText } from '../schema/instant.ts'
import type { Scenario } from '../schema/scenario.ts'
import { intensityHeld } from './carbon.ts'
import { siteOf } from './cost.ts'
import { drawOf, type Piece } from './cost-draw.ts'
import { exchange } from './cost-electricity.ts'
import { type Held, overlap } from './cost-overlap.ts'
import { type IntensityTables, intensityOf, NO_TABLES } from './intensity.ts'
import { energyPrice, spotHeld } from './tariff.ts'
import { type ZoneClock, zoneClock } from './time-zone.ts'

const MS_PER_HOUR = 3_600_000
/** Where only a tariff by the hour tells hours apart, a week holds all of them. */
const WEEK_HOURS = 168
/** Of a longer series the first so many: a year and a half of hours. */
const MOST_STARTS = 13_000

/** Why no hour is better than another: something of the run is missing, or a series that tells hours apart. */
export interface NoHours {
  readonly missing: 'run' | 'series'
  readonly why: string
}

/**
 * What the same run would have emitted and paid for its energy, had it begun at another hour: its start is shifted over
 * the series of the scenario, a whole hour each. A counterfactual: nothing of the run changes but when it was.
 * @returns every start at which the whole run lies in the series; the best of each kind, and the run as it was
 * Source: docs/cost.md, "Best hours".
 */
export function bestHours(
  timeline: EnergyTimeline,
  scenario: Scenario,
  tables: IntensityTables = NO_TABLES,
): BestHours | NoHours {
  const draw = drawOf(timeline, scenario)
  if (typeof draw === 'string')
    return { missing: 'run', why: `the energy of the run is not known (${draw})` }
  const { pieces } = siteOf(draw, scenario)
  const start = pieces[0]?.from_ms ?? null
  const end = pieces.at(-1)?.to_ms ?? null
  if (start === null || end === null)
    return { missing: 'run', why: 'the run does not tell its wall time' }
  const { tariff } = scenario
  const series = seriesOf(scenario, tables)
  const spot = tariff === null ? null : spotHeld(tariff)
  const rate = tariff === null ? null : (exchange(scenario, tariff.currency)?.value ?? null)
  const hourly = spot !== null || (tariff?.periods.length ?? 0) > 0
  const clock = tariff === null || rate === null || !hourly ? null : zoneClock(tariff.tz)
  if (series === null && clock === null)
    return {
      missing: 'series',
      why: 'the scenario has neither a series of factors nor a tariff by the hour, so that all hours are alike',
    }
  const at = (from_ms: number): HourOf => ({
    from: instantText(from_ms),
    carbon_g: series === null ? null : grams(shifted(pieces, from_ms - start), series),
    money:
      clock === null || tariff === null || rate === null
        ? null
        : money(shifted(pieces, from_ms - start), { tariff, clock, spot, rate }),
  })
  const span = range(series, spot, start, end)
  const starts: HourOf[] = []
  for (let t = ceilHour(span.from_ms); t + (end - start) <= span.to_ms; t += MS_PER_HOUR) {
    if (starts.length === MOST_STARTS) break
    starts.push(at(t))
  }
  return {
    run_id: timeline.run_id,
    scenario_id: scenario.id,
    currency: scenario.currency,
    as_run: at(start),
    cleanest: least(starts, 'carbon_g'),
    cheapest: least(starts, 'money'),
    starts,
  }
}

const ceilHour = (ms: number): number => Math.ceil(ms / MS_PER_HOUR) * MS_PER_HOUR

const shifted = (pieces: readonly Piece[], by_ms: number): Piece[] =>
  pieces.map((p) => ({
    ...p,
    from_ms: p.from_ms === null ? null : p.from_ms + by_ms,
    to_ms: p.to_ms === null ? null : p.to_ms + by_ms,
  }))

function seriesOf({ intensity }: Scenario, tables: IntensityTables): Held[] | null {
  if (intensity === null) return null
  const found = intensityOf(intensity, null, tables)
  return found.kind === 'series' ? intensityHeld(found.series.rows) : null
}

/** null where an hour has no value: a hole is no clean hour. */
function grams(pieces: readonly Piece[], series: readonly Held[]): number | null {
  const joined = overlap(pieces, series)
  return joined === null || joined.gap_kwh > 0 ? null : joined.sum
}

interface Prices {
  readonly tariff: NonNullable<Scenario['tariff']>
  readonly clock: ZoneClock
  readonly spot: readonly Held[] | null
  readonly rate: number
}

function money(pieces: readonly Piece[], { tariff, clock, spot, rate }: Prices): number | null {
  const priced = energyPrice(pieces, tariff, clock, spot)
  return priced === null || priced.unpriced_kwh > 0 ? null : priced.money * rate
}

/** What all series cover; without any the week from the run on. */
function range(
  series: readonly Held[] | null,
  spot: readonly Held[] | null,
  start: number,
  end: number,
): { from_ms: number; to_ms: number } {
  const all = [series, spot].filter((s) => s !== null)
  const first = Math.floor(start / MS_PER_HOUR) * MS_PER_HOUR
  if (all.length === 0)
    return { from_ms: first, to_ms: first + (WEEK_HOURS - 1) * MS_PER_HOUR + (end - start) }
  return {
    from_ms: Math.max(...all.map((s) => s[0]?.from_ms ?? start)),
    to_ms: Math.min(...all.map((s) => s.at(-1)?.to_ms ?? end)),
  }
}

/** The least of what is known, the earliest of equal ones. */
function least(starts: readonly HourOf[], by: 'carbon_g' | 'money'): HourOf | null {
  let best: HourOf | null = null
  for (const start of starts) {
    const value = start[by]
    if (value !== null && (best === null || value < (best[by] ?? Number.POSITIVE_INFINITY)))
      best = start
  }
  return best
}
