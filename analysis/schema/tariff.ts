import { z } from 'zod'
import { inOrder, MAX_SERIES } from './factor.ts'
import { instantSchema } from './instant.ts'

/** ISO 4217, as the platform's own tables know it. */
export const currencySchema = z
  .string()
  .refine((code) => Intl.supportedValuesOf('currency').includes(code), {
    message: 'must be a currency of ISO 4217 in capitals, such as EUR, USD or JPY',
  })

const isZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

/** IANA name of a time zone. */
export const timeZoneSchema = z
  .string({
    error:
      'is missing: prices by the hour need the time zone that they are meant in, such as Europe/Berlin',
  })
  .refine(isZone, { message: 'must be a time zone of IANA, such as Europe/Berlin or UTC' })

const clockSchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be a time of day such as 06:00')

const price = z.number().min(-1e6).max(1e6)
const charge = z.number().nonnegative().max(1e9)

export const periodSchema = z.strictObject({
  months: z.array(z.int().min(1).max(12)).min(1).default([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
  days: z
    .array(z.int().min(1).max(7))
    .min(1)
    .default([1, 2, 3, 4, 5, 6, 7])
    .describe('1 is Monday, 7 Sunday'),
  from: clockSchema,
  to: clockSchema.describe('at or before from: of the next day'),
  rate: price.describe('price of a kWh'),
})
export type Period = z.infer<typeof periodSchema>

const demandSchema = z
  .strictObject({
    rate_per_kw_month: z.union([charge, z.array(charge).length(12)]),
    window_min: z.union([z.literal(15), z.literal(30), z.literal(60)]).default(15),
    allocate: z
      .enum(['none', 'time_share', 'incremental'])
      .describe('incremental: what the run adds to the peak of the site'),
    site_peak_kw: z.number().nonnegative().nullable().default(null),
    site_load_kw: z
      .number()
      .nonnegative()
      .nullable()
      .default(null)
      .describe('what the rest of the site draws while the run runs'),
  })
  .refine(
    (d) => d.allocate !== 'incremental' || (d.site_peak_kw !== null && d.site_load_kw !== null),
    {
      message: 'needs site_peak_kw and site_load_kw, to tell what the run adds to the peak',
      path: ['allocate'],
    },
  )

export const tariffSchema = z
  .strictObject({
    name: z.string().max(200).default(''),
    tz: timeZoneSchema,
    currency: currencySchema,
    sector: z.enum(['residential', 'commercial', 'industrial', 'unknown']).default('unknown'),
    tax_level: z.enum(['ex_tax', 'ex_vat', 'all_in']).default('all_in'),
    default_rate: price
      .nullable()
      .describe('price of a kWh outside all periods; null: there is none'),
    periods: z.array(periodSchema).max(2000).default([]).superRefine(withoutOverlap),
    spot: z
      .strictObject({
        series: z
          .array(
            z.strictObject({
              from: instantSchema,
              to: instantSchema,
              per_mwh: price.nullable().describe('may be negative; null: not published'),
            }),
          )
          .min(1)
          .max(MAX_SERIES)
          .superRefine(inOrder),
        adder_per_kwh: price.default(0),
      })
      .nullable()
      .default(null),
    demand: demandSchema.nullable().default(null),
    fixed_per_month: charge.default(0),
    tax_frac: z.number().min(0).max(5).default(0),
    u: z
      .number()
      .min(0)
      .max(2)
      .default(0.01)
      .describe('relative standard uncertainty: 0.01 of your own tariff, 0.1 to 0.2 of an average'),
    as_of: z.iso.date({ message: 'must be the date that the prices are of, such as 2026-01-31' }),
    source: z.string().min(1).max(300),
  })
  .refine((t) => t.tax_level !== 'all_in' || t.tax_frac === 0, {
    path: ['tax_frac'],
    message: 'must be 0 where tax_level is all_in: the prices hold the tax already',
  })
  .refine((t) => t.spot === null || t.periods.length === 0, {
    path: ['periods'],
    message: 'must be empty beside spot: an hour has one price',
  })
export type Tariff = z.infer<typeof tariffSchema>

/** Minutes of the day of `HH:MM`. */
export const clockMinutes = (text: string): number =>
  Number(text.slice(0, 2)) * 60 + Number(text.slice(3))

/** Refuses two periods that both claim a minute of some month and weekday. */
function withoutOverlap(periods: readonly Period[], ctx: z.core.$RefinementCtx): void {
  const taken = new Map<number, { from: number; to: number; by: number }[]>()
  for (const [by, period] of periods.entries()) {
    for (const [key, from, to] of minutesOf(period)) {
      const known = taken.get(key) ?? []
      const other = known.find((k) => k.by !== by && from < k.to && k.from < to)
      if (other !== undefined) {
        ctx.addIssue({
          code: 'custom',
          path: [by],
          message: `overlaps period ${other.by} (${periods[other.by]?.from} to ${periods[other.by]?.to}) in month ${Math.floor(key / 10)} on day ${key % 10}; an hour has one price`,
        })
        return
      }
      known.push({ from, to, by })
      taken.set(key, known)
    }
  }
}

/** Month × 10 + weekday, and the minutes there: what goes past midnight belongs to the next day of the same month. */
function* minutesOf(period: Period): Generator<[number, number, number]> {
  const [from, to] = [clockMinutes(period.from), clockMinutes(period.to)]
  for (const month of period.months)
    for (const day of period.days) {
      yield [month * 10 + day, from, to > from ? to : 1440]
      if (to <= from && to > 0) yield [month * 10 + (day % 7) + 1, 0, to]
    }
}
