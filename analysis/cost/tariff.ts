import { civilOf, instantMs, instantText } from '../schema/instant.ts'
import { clockMinutes, type Period, type Tariff } from '../schema/tariff.ts'
import type { Piece } from './cost-draw.ts'
import { type Held, overlap } from './cost-overlap.ts'
import { localSpans, type ZoneClock } from './time-zone.ts'

const MS_PER_DAY = 86_400_000
const MS_PER_MINUTE = 60_000

/** What energy costs by a tariff, in its currency, and the energy for which it has no price. */
export interface Priced {
  readonly money: number
  readonly unpriced_kwh: number
  readonly first_unpriced: string | null
}

/**
 * Site energy by the price of its own local hour: pieces are cut at the edges of periods, at midnight and where the
 * zone sets its clocks, in the tariff's zone.
 * @param spot the tariff's spot prices, where they are read already
 * @returns null where prices change with time and a piece has no wall time
 * Source: docs/cost.md, "Electricity".
 */
export function energyPrice(
  pieces: readonly Piece[],
  tariff: Tariff,
  clock: ZoneClock,
  spot: readonly Held[] | null = spotHeld(tariff),
): Priced | null {
  if (spot !== null) return spotPrice(pieces, spot)
  const { default_rate, periods } = tariff
  if (periods.length === 0 && default_rate !== null) {
    const kwh = pieces.reduce((sum, p) => sum + p.kwh, 0)
    return { money: kwh * default_rate, unpriced_kwh: 0, first_unpriced: null }
  }
  const edges = edgeMinutes(periods)
  let money = 0
  let unpriced_kwh = 0
  let first: number | null = null
  for (const { from_ms, to_ms, kwh } of pieces) {
    if (from_ms === null || to_ms === null) return null
    for (const part of localParts(clock, from_ms, to_ms, edges)) {
      const share = to_ms === from_ms ? 1 : (part.to_ms - part.from_ms) / (to_ms - from_ms)
      const rate = rateAt(tariff, part.local_ms)
      if (rate !== null) {
        money += kwh * share * rate
        continue
      }
      unpriced_kwh += kwh * share
      first ??= part.from_ms
    }
  }
  return { money, unpriced_kwh, first_unpriced: first === null ? null : instantText(first) }
}

/** Spot prices of a tariff with what is added to them, a kWh each; null: it has none. */
export const spotHeld = ({ spot }: Tariff): Held[] | null =>
  spot === null
    ? null
    : spot.series.map((r) => ({
        from_ms: instantMs(r.from),
        to_ms: instantMs(r.to),
        value: r.per_mwh === null ? null : r.per_mwh / 1000 + spot.adder_per_kwh,
      }))

function spotPrice(pieces: readonly Piece[], held: readonly Held[]): Priced | null {
  const joined = overlap(pieces, held)
  if (joined === null) return null
  return { money: joined.sum, unpriced_kwh: joined.gap_kwh, first_unpriced: joined.first_gap }
}

const edgeMinutes = (periods: readonly Period[]): number[] =>
  [
    ...new Set([0, ...periods.flatMap((p) => [clockMinutes(p.from), clockMinutes(p.to) % 1440])]),
  ].sort((a, b) => a - b)

interface LocalPart {
  readonly from_ms: number
  readonly to_ms: number
  /** Local time of its begin, as if it were UTC. */
  readonly local_ms: number
}

/** A span in parts within which neither the local day nor the period changes. */
function* localParts(
  clock: ZoneClock,
  from_ms: number,
  to_ms: number,
  edges: readonly number[],
): Generator<LocalPart> {
  for (const span of localSpans(clock, from_ms, to_ms)) {
    const end = span.to_ms + span.offset_ms
    let local = span.from_ms + span.offset_ms
    do {
      const midnight = Math.floor(local / MS_PER_DAY) * MS_PER_DAY
      const next =
        edges.map((m) => midnight + m * MS_PER_MINUTE).find((e) => e > local) ??
        midnight + MS_PER_DAY
      const until = Math.min(next, end)
      yield { from_ms: local - span.offset_ms, to_ms: until - span.offset_ms, local_ms: local }
      local = until
    } while (local < end)
  }
}

/** The price at a local time: of the period that holds it, else the tariff's own; null: there is none. */
export function rateAt(tariff: Tariff, local_ms: number): number | null {
  const { month, weekday, minute } = civilOf(local_ms)
  const yesterday = weekday === 1 ? 7 : weekday - 1
  const found = tariff.periods.find((p) => {
    if (!p.months.includes(month)) return false
    const [from, to] = [clockMinutes(p.from), clockMinutes(p.to)]
    if (to > from) return p.days.includes(weekday) && minute >= from && minute < to
    return (
      (p.days.includes(weekday) && minute >= from) || (p.days.includes(yesterday) && minute < to)
    )
  })
  return found === undefined ? tariff.default_rate : found.rate
}
