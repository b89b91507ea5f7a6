import { z } from 'zod'

const MS_PER_DAY = 86_400_000

/** Days from 1970-01-01 to a date of the Gregorian calendar; months and days may pass their ends. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = year * 12 + (month - 1) - 2
  const y = Math.floor(shifted / 12)
  const m = shifted - y * 12
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  // March first: the leap day is the last of such a year.
  const dayOfYear = Math.floor((153 * m + 2) / 5) + day - 1
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

export interface Civil {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  /** ISO: 1 is Monday, 7 Sunday. */
  readonly weekday: number
  /** Of the day, from 0 on; with a fraction. */
  readonly minute: number
}

/** Calendar and clock of a count of milliseconds since 1970, without any time zone. */
export function civilOf(ms: number): Civil {
  const days = Math.floor(ms / MS_PER_DAY)
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const m = Math.floor((5 * dayOfYear + 2) / 153)
  const month = m < 10 ? m + 3 : m - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * m + 2) / 5) + 1,
    weekday: ((((days + 3) % 7) + 7) % 7) + 1,
    minute: (ms - days * MS_PER_DAY) / 60_000,
  }
}

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)$/

/** True of a day and time that there is: no 30th of February, no hour 25. */
function isInstant(text: string): boolean {
  const found = INSTANT.exec(text)
  if (found === null) return false
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((n) => Number(n ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const civil = civilOf(daysFromCivil(year, month, day) * MS_PER_DAY)
  return civil.month === month && civil.day === day && hour < 24 && minute < 60 && second < 60
}

/** An instant of the wall clock as text: with Z or an offset, since a time without one means another hour elsewhere. */
export const instantSchema = z
  .string()
  .refine(isInstant, 'must be a time with its offset from UTC, such as 2026-07-14T09:00:00Z')

/**
 * Milliseconds since 1970 of an instant as text.
 * @throws RangeError where it is none (names the text)
 */
export function instantMs(text: string): number {
  const found = INSTANT.exec(text)
  if (found === null)
    throw new RangeError(`${JSON.stringify(text)} is no time with its offset from UTC`)
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone = 'Z'] = found
  const clock = (Number(hour) * 60 + Number(minute)) * 60_000 + Number(second) * 1000
  const offset =
    zone === 'Z'
      ? 0
      : (zone.startsWith('-') ? -1 : 1) *
        (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) *
        60_000
  return (
    daysFromCivil(Number(year), Number(month), Number(day)) * MS_PER_DAY +
    clock +
    Math.round(Number(`0.${fraction || '0'}`) * 1000) -
    offset
  )
}

/** The same without an exception, for checks beside those that refuse the text itself: NaN where it is none. */
export const instantOrNaN = (text: string): number =>
  INSTANT.test(text) ? instantMs(text) : Number.NaN

/** The same back, in UTC, with milliseconds where there are any. */
export function instantText(ms: number): string {
  const { year, month, day } = civilOf(ms)
  const of_day = ms - Math.floor(ms / MS_PER_DAY) * MS_PER_DAY
  const two = (n: number) => String(n).padStart(2, '0')
  const rest = Math.round(of_day % 1000)
  const clock = `${two(Math.floor(of_day / 3_600_000))}:${two(Math.floor(of_day / 60_000) % 60)}:${two(Math.floor(of_day / 1000) % 60)}`
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock}${rest === 0 ? '' : `.${String(rest).padStart(3, '0')}`}Z`
}
