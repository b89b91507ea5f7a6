import { z } from 'zod'
import { quantity } from './factor.ts'
import { patternsMeet } from './host-pattern.ts'
import { instantMs } from './instant.ts'
import { currencySchema, tariffSchema } from './tariff.ts'

const dateSchema = z.iso.date({ message: 'must be a date such as 2026-01-31' })

const wueSchema = z.union([
  quantity().transform((site_l_per_it_kwh) => ({
    site_l_per_it_kwh,
    grid_l_per_kwh: null,
    source: '',
  })),
  z.strictObject({
    site_l_per_it_kwh: quantity().nullable().default(null),
    grid_l_per_kwh: quantity().nullable().default(null),
    source: z.string().max(300).default(''),
  }),
])

/** Where some hosts stand for a while: what a scenario takes from there in place of its own. */
export const siteRowSchema = z
  .strictObject({
    site: z.string().min(1).max(200),
    hosts: z
      .array(z.string().min(1).max(200))
      .max(1000)
      .default([])
      .describe('names or patterns with * and ?, of runs that do not tell their site'),
    from: dateSchema.describe('first day, in UTC'),
    to: dateSchema.nullable().default(null).describe('the day after the last; null: until now'),
    zone: z.string().min(1).max(40).nullable().default(null),
    pue: quantity(1).nullable().default(null),
    wue: wueSchema.nullable().default(null),
    tariff: z
      .union([z.number(), tariffSchema])
      .nullable()
      .default(null)
      .describe('price of a kWh in the currency of the row, or a whole tariff'),
    currency: currencySchema.nullable().default(null),
  })
  .refine((r) => typeof r.tariff !== 'number' || r.currency !== null, {
    path: ['currency'],
    message: 'is not given; give one such as EUR, as the tariff is a number',
  })
  .refine((r) => r.to === null || r.to > r.from, {
    path: ['to'],
    message: 'is not a day after from',
  })
export type SiteRow = z.infer<typeof siteRowSchema>

/** Sites over time. No two rows may claim the same host, or the same site, on one day. */
export const siteTableSchema = z.strictObject({
  sites: z.array(siteRowSchema).min(1).max(10_000).superRefine(withoutOverlap),
})
export type SiteTable = z.infer<typeof siteTableSchema>
export type SiteTableInput = z.input<typeof siteTableSchema>

const startMs = (date: string): number => instantMs(`${date}T00:00:00Z`)

/** The span of a row, ms since 1970, half open. */
export const siteSpan = ({ from, to }: SiteRow): { from_ms: number; to_ms: number } => ({
  from_ms: startMs(from),
  to_ms: to === null ? Number.POSITIVE_INFINITY : startMs(to),
})

function withoutOverlap(rows: readonly SiteRow[], ctx: z.core.$RefinementCtx): void {
  for (const [i, row] of rows.entries())
    for (let k = 0; k < i; k++) {
      const before = rows[k] as SiteRow
      if (row.from >= (before.to ?? '9999') || before.from >= (row.to ?? '9999')) continue
      const pair = row.hosts
        .flatMap((a) => before.hosts.map((b) => [a, b] as const))
        .find(([a, b]) => patternsMeet(a, b))
      if (pair === undefined && row.site !== before.site) continue
      const both = pair === undefined ? `site ${row.site}` : `hosts ${pair[0]} and ${pair[1]}`
      ctx.addIssue({
        code: 'custom',
        path: [i],
        message: `overlaps row ${k} (${before.site}, ${before.from} to ${before.to ?? 'now'}): ${both} would have two rows on one day; end one where the other begins`,
      })
      return
    }
}
