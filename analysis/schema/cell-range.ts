import type { ColumnType } from './stream.ts'

const INT32 = 2 ** 31
const INT64 = 2n ** 63n

/** What a cell of these types can hold, in words. */
export const RANGE_WORDS = {
  count: `a whole number from ${-INT32} to ${INT32 - 1}`,
  time: 'a whole number of 64 bits',
} as const

export const isCountCell = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= -INT32 && value < INT32

/** Numbers are exact below 2^53; a bigint may have all 64 bits. */
export const isTimeCell = (value: unknown): boolean =>
  Number.isSafeInteger(value) || (typeof value === 'bigint' && value >= -INT64 && value < INT64)

/** The test and the words of a column whose cells have a range; null: any value of the type fits. */
export function rangeOf(type: ColumnType): {
  readonly fits: (value: unknown) => boolean
  readonly words: string
  readonly list: boolean
} | null {
  const list = type === 'count_list' || type === 'time_list'
  if (type === 'count' || type === 'count_list')
    return { fits: isCountCell, words: RANGE_WORDS.count, list }
  if (type === 'time' || type === 'time_list')
    return { fits: isTimeCell, words: RANGE_WORDS.time, list }
  return null
}
