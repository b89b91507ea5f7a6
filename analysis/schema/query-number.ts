import { z } from 'zod'

/** What a number in an address or on a command line may be: above one value, or from one to another, both included. */
export type NumberLimits = { readonly whole?: boolean } & (
  | { readonly above: number }
  | { readonly least?: number; readonly most?: number }
)

/**
 * A decimal number as people write one: `50`, `-0.5`, `1e3`. Null for all else, an empty text, `Infinity` and `0x10` among it:
 * what is not given is never taken for zero.
 */
export function readDecimal(text: string): number | null {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return null
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}

/** `a whole number from 1 to 1000` */
function words(whole: boolean, above?: number, least?: number, most?: number): string {
  const kind = whole ? 'a whole number' : 'a number'
  if (above !== undefined) return `${kind} above ${above}`
  if (least === undefined) return most === undefined ? kind : `${kind} up to ${most}`
  return `${kind} from ${least} ${most === undefined ? 'up' : `to ${most}`}`
}

/**
 * A number in an address or on a command line, where all is text. An issue holds the text as it was given, and its words
 * what is allowed; the description of the API says the same limits.
 */
export function queryNumber(limits: NumberLimits = {}) {
  const { whole = false } = limits
  const above = 'above' in limits ? limits.above : undefined
  const { least, most } = 'above' in limits ? {} : limits
  const message = `must be ${words(whole, above, least, most)}`
  return z
    .string()
    .transform((text, ctx): number => {
      const value = readDecimal(text)
      if (
        value !== null &&
        (!whole || Number.isSafeInteger(value)) &&
        (above === undefined || value > above) &&
        (least === undefined || value >= least) &&
        (most === undefined || value <= most)
      )
        return value
      ctx.addIssue({ code: 'custom', message, input: text })
      return z.NEVER
    })
    .meta({
      type: whole ? 'integer' : 'number',
      ...(above === undefined ? {} : { exclusiveMinimum: above }),
      ...(least === undefined ? {} : { minimum: least }),
      ...(most === undefined ? {} : { maximum: most }),
    })
}
