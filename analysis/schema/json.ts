import { isInteger, isSafeNumber, parse, stringify } from 'lossless-json'

/** More than any time or count has. A bigint of a million digits takes seconds to make. */
const MOST_DIGITS = 40

/**
 * JSON text to values, whole numbers above 2^53 of up to 40 digits as bigint, everything else as JSON.parse does. Throws SyntaxError.
 * @param revive what becomes of each value, by its key
 */
export function parseJson(
  text: string,
  revive: ((key: string, value: unknown) => unknown) | null = null,
): unknown {
  return parse(text, revive, (digits) =>
    digits.length <= MOST_DIGITS && isInteger(digits) && !isSafeNumber(digits)
      ? BigInt(digits)
      : Number(digits),
  )
}

/** Values to JSON text, bigint as plain digits. */
export function toJson(value: unknown, indent?: number): string {
  return stringify(value, undefined, indent) ?? 'null'
}
