import type { Tariff } from '../schema/tariff.ts'
import type { Piece } from './cost-draw.ts'
import { localMonths, type MonthShare, type ZoneClock } from './time-zone.ts'

const MS_PER_MINUTE = 60_000

/** Charges of a month that a run takes a part of, in the tariff's currency. */
export interface MonthCharges {
  readonly demand: number
  readonly fixed: number
  /** Highest mean power over a window of the meter, kW. */
  readonly peak_kw: number
}

/**
 * Charges for the highest demand and fixed ones. By time: peak × rate × the run's hours / the hours of the month; by
 * increment: what the run adds to the peak of the site × rate, of each month that it runs in.
 * @returns null where a piece has no wall time
 * Source: docs/cost.md, "Electricity".
 */
export function monthCharges(
  pieces: readonly Piece[],
  tariff: Tariff,
  clock: ZoneClock,
): MonthCharges | null {
  const from_ms = pieces[0]?.from_ms ?? null
  const to_ms = pieces.at(-1)?.to_ms ?? null
  if (from_ms === null || to_ms === null) return null
  const months = localMonths(clock, from_ms, to_ms)
  const window_ms = (tariff.demand?.window_min ?? 15) * MS_PER_MINUTE
  const peaks = months.map((m) => peakKw(pieces, m, window_ms, clock(from_ms)))
  const fixed = months.reduce(
    (sum, m) => sum + tariff.fixed_per_month * (m.hours / m.month_hours),
    0,
  )
  return { demand: demandCharge(tariff, months, peaks), fixed, peak_kw: Math.max(0, ...peaks) }
}

function demandCharge(
  { demand }: Tariff,
  months: readonly MonthShare[],
  peaks: readonly number[],
): number {
  if (demand === null || demand.allocate === 'none') return 0
  return months.reduce((sum, m, i) => {
    const { rate_per_kw_month } = demand
    const rate = Array.isArray(rate_per_kw_month)
      ? (rate_per_kw_month[m.month - 1] ?? 0)
      : rate_per_kw_month
    const peak = peaks[i] ?? 0
    if (demand.allocate === 'time_share') return sum + peak * rate * (m.hours / m.month_hours)
    const rise = (demand.site_load_kw ?? 0) + peak - (demand.site_peak_kw ?? 0)
    return sum + Math.max(0, rise) * rate
  }, 0)
}

/** Energy of each window of the meter over its whole length, the highest: a run that fills half a window counts half. */
function peakKw(
  pieces: readonly Piece[],
  month: MonthShare,
  window_ms: number,
  offset_ms: number,
): number {
  // The meter's windows begin on the local clock: in zones of half an hour hours begin at half past in UTC.
  const phase = ((offset_ms % window_ms) + window_ms) % window_ms
  const energy = new Map<number, number>()
  for (const { from_ms, to_ms, kwh } of pieces) {
    if (from_ms === null || to_ms === null) continue
    const length = to_ms - from_ms
    let at = Math.max(from_ms, month.from_ms)
    const end = Math.min(to_ms, month.to_ms)
    while (at < end) {
      const index = Math.floor((at + phase) / window_ms)
      const until = Math.min((index + 1) * window_ms - phase, end)
      energy.set(index, (energy.get(index) ?? 0) + (kwh * (until - at)) / length)
      at = until
    }
  }
  const hours = window_ms / 3_600_000
  return [...energy.values()].reduce((most, kwh) => Math.max(most, kwh / hours), 0)
}
