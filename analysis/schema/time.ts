import { z } from 'zod'

/**
 * A time or count that may pass 2^53, so that JSON numbers would round it: read from a number, a bigint
 * (what a lossless JSON parser gives) or a string of digits, without rounding.
 */
export const bigIntSchema = z
  .union([
    z.bigint(),
    z
      .number()
      .refine(
        (n) => Number.isSafeInteger(n),
        'must be a whole number; write it as a string above 2^53',
      )
      .transform((n) => BigInt(n)),
    z
      .string()
      .regex(/^-?\d{1,25}$/, 'must be a whole number')
      .transform((s) => BigInt(s)),
  ])
  .meta({ description: 'whole number, as JSON number or string' })

/** Bigint to the smallest honest JS form: a number where it is exact, else the bigint itself. */
export function exact(n: bigint): number | bigint {
  const asNumber = Number(n)
  return Number.isSafeInteger(asNumber) ? asNumber : n
}

/**
 * A run's clock has a free origin, so its times may pass 2^53. Analysis works in plain numbers of
 * nanoseconds since `origin_ns`; this gives back the time as it stood in the run.
 */
export function absoluteTime(t_ns: number, origin_ns: bigint): number | bigint {
  return origin_ns === 0n ? t_ns : exact(origin_ns + BigInt(Math.round(t_ns)))
}

/** The other way: nanoseconds since `origin_ns`, exact where the run is shorter than 104 days. */
export function relativeTime(t_ns: bigint, origin_ns: bigint): number {
  return Number(t_ns - origin_ns)
}
