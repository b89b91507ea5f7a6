import { civilOf, daysFromCivil } from '../schema/instant.ts'

/** A time zone's clock: how far local time is ahead of UTC at an instant, ms. */
export type ZoneClock = (utc_ms: number) => number

const MS_PER_DAY = 86_400_000
/** No zone has set its clocks twice within so long. */
const STEP_MS = 6 * 3_600_000

/**
 * The clock of a zone by its IANA name, of the platform's table of zones; the zone of the process plays no part.
 * @throws RangeError where the platform knows no such zone
 */
export function zoneClock(name: string): ZoneClock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (utc_ms) => {
    const whole = Math.floor(utc_ms / 1000) * 1000
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(whole)) part[type] = Number(value)
    const days = daysFromCivil(part['year'] ?? 0, part['month'] ?? 1, part['day'] ?? 1)
    const clock = ((part['hour'] ?? 0) * 60 + (part['minute'] ?? 0)) * 60 + (part['second'] ?? 0)
    return days * MS_PER_DAY + clock * 1000 - whole
  }
}

export interface LocalSpan {
  readonly from_ms: number
  readonly to_ms: number
  readonly offset_ms: number
}

/** A span of UTC cut where the zone sets its clocks, so that each part has one offset. */
export function localSpans(clock: ZoneClock, from_ms: number, to_ms: number): LocalSpan[] {
  const spans: LocalSpan[] = []
  let begin = from_ms
  let at = from_ms
  let offset_ms = clock(from_ms)
  while (at < to_ms) {
    const next = Math.min(at + STEP_MS, to_ms)
    // The end itself belongs to what follows.
    const after = clock(next)
    if (after === offset_ms) {
      at = next
      continue
    }
    const change = firstOf(clock, at, next, offset_ms)
    spans.push({ from_ms: begin, to_ms: change, offset_ms })
    begin = change
    at = change
    offset_ms = after
  }
  if (begin < to_ms || from_ms === to_ms) spans.push({ from_ms: begin, to_ms, offset_ms })
  return spans
}

/** The first instant that no longer has the offset, between one that has and one that has not. */
function firstOf(clock: ZoneClock, low_ms: number, high_ms: number, offset_ms: number): number {
  let low = low_ms
  let high = high_ms
  while (high - low > 1) {
    const mid = Math.floor((low + high) / 2)
    if (clock(mid) === offset_ms) low = mid
    else high = mid
  }
  return high
}

/** The instant at which a local month begins. */
function monthStart(clock: ZoneClock, year: number, month: number): number {
  const local = daysFromCivil(year, month, 1) * MS_PER_DAY
  const guess = local - clock(local)
  return local - clock(guess)
}

export interface MonthShare {
  readonly month: number
  readonly from_ms: number
  readonly to_ms: number
  /** Hours of the span in this month, and of the whole month: 743 or 745 where the clocks are set. */
  readonly hours: number
  readonly month_hours: number
}

/** The local months that a span lies in. */
export function localMonths(clock: ZoneClock, from_ms: number, to_ms: number): MonthShare[] {
  const shares: MonthShare[] = []
  let at = from_ms
  do {
    const { year, month } = civilOf(at + clock(at))
    const start = monthStart(clock, year, month)
    const end = monthStart(clock, year, month + 1)
    const until = Math.min(end, to_ms)
    shares.push({
      month,
      from_ms: at,
      to_ms: until,
      hours: (until - at) / 3_600_000,
      month_hours: (end - start) / 3_600_000,
    })
    at = until
  } while (at < to_ms)
  return shares
}
