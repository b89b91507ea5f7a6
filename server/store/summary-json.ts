import { parseJson } from '../../analysis/schema/json.ts'
import type { Summary } from '../../analysis/schema/summary.ts'

/**
 * A stored summary. Of its whole numbers above 2^53 only times are exact ones (bigint); a metric of that size is the
 * number that it was when it was stored, though JSON writes both as digits.
 */
export const parseSummary = (text: string): Summary =>
  parseJson(text, LONG.test(text) ? numbersButTimes : null) as Summary

const LONG = /\d{16}/

const numbersButTimes = (key: string, value: unknown): unknown =>
  typeof value === 'bigint' && !key.endsWith('_ns') ? Number(value) : value
