import { isInteger, isSafeNumber, parse, stringify } from 'lossless-json'

/**
 * JSON text to values, whole numbers above 2^53 as bigint, everything else as JSON.parse does. Throws SyntaxError.
 * @param revive what becomes of each value, by its key
 */
export function parseJson(
  text: string,
  revive: ((key: string, value: unknown) => unknown) | null = null,
): unknown {
  return parse(text, revive, (digits) =>
    isInteger(digits) && !isSafeNumber(digits) ? BigInt(digits) : Number(digits),
  )
}

/** Values to JSON text, bigint as plain digits. */
export function toJson(value: unknown, indent?: number): string {
  return stringify(value, undefined, indent) ?? 'null'
}
