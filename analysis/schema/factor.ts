import { z } from 'zod'
import { instantOrNaN, instantSchema } from './instant.ts'

/** A quantity that is not known better than to lie between two bounds; a number alone is taken as exact. */
export const rangeSchema = z
  .strictObject({ low: z.number(), value: z.number(), high: z.number() })
  .refine((q) => q.low <= q.value && q.value <= q.high, {
    message: 'must have low <= value <= high',
  })
export type Range = z.infer<typeof rangeSchema>

/** Beyond this no quantity of a scenario means anything, and products of a few of them stay finite. */
export const MOST = 1e12

/** A number or a range, none below `least` or above `most`. */
export const quantity = (least = 0, most = MOST) => {
  const low = `must not be below ${least}`
  const high = `must not be above ${most}`
  return z.union([
    z
      .number()
      .min(least, low)
      .max(most, high)
      .transform((value) => ({ low: value, value, high: value })),
    rangeSchema.refine((q) => q.low >= least, low).refine((q) => q.high <= most, high),
  ])
}

export const FACTOR_UNIT = 'gCO2e/kWh'
/** A hundred kilograms: no grid is near it. */
export const MOST_G_PER_KWH = 1e5

const provenance = {
  zone: z.string().min(1).max(100).default('user'),
  source: z.string().min(1).max(300),
  source_version: z.string().max(100).default(''),
  basis: z.enum(['consumption', 'generation', 'unknown']).default('unknown'),
  scope: z.enum(['lifecycle', 'direct', 'unknown']).default('unknown'),
  kind: z.enum(['average', 'marginal', 'residual']).default('average'),
  estimated: z.boolean().default(false),
  licence: z.string().max(300).default(''),
  u: z
    .number()
    .min(0)
    .max(2)
    .nullable()
    .default(null)
    .describe('relative standard uncertainty, 0.05 is 5 %; null: what is usual'),
}

const period = z.strictObject({ from: instantSchema, to: instantSchema })

/** Grams of CO2 equivalent for a kilowatt hour of electricity: of where, of when, by whom and in which sense. */
export const factorSchema = z.strictObject({
  value: z.number().max(MOST_G_PER_KWH),
  unit: z.literal(FACTOR_UNIT).default(FACTOR_UNIT),
  period: period.nullable().default(null).describe('null: not told'),
  ...provenance,
})
export type Factor = z.infer<typeof factorSchema>

export const MAX_SERIES = 100_000

/** Rows of a series in the order of time, none over another. Holes are allowed here. */
export function inOrder<T extends { readonly from: string; readonly to: string }>(
  rows: readonly T[],
  ctx: z.core.$RefinementCtx,
): void {
  const issue = (i: number, message: string) => ctx.addIssue({ code: 'custom', path: [i], message })
  for (const [i, row] of rows.entries()) {
    const before = rows[i - 1]
    const [from, to] = [instantOrNaN(row.from), instantOrNaN(row.to)]
    if (to <= from) issue(i, `ends at ${row.to}, not after its begin at ${row.from}`)
    else if (before !== undefined && from < instantOrNaN(before.to))
      issue(
        i,
        `begins at ${row.from}, before the row above ends at ${before.to}; put the rows in order of time and take out what overlaps`,
      )
    else continue
    return
  }
}

export const intensityRowSchema = z.strictObject({
  from: instantSchema,
  to: instantSchema,
  g_per_kwh: z.number().max(MOST_G_PER_KWH).nullable().describe('null: not published'),
})
export type IntensityRow = z.infer<typeof intensityRowSchema>

/** Hourly (or other) factors of one place, from its own publisher. */
export const seriesSchema = z.strictObject({
  ...provenance,
  rows: z.array(intensityRowSchema).min(1).max(MAX_SERIES).superRefine(inOrder),
})
export type IntensitySeries = z.infer<typeof seriesSchema>
