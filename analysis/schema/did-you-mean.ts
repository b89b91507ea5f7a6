import type { z } from 'zod'
import { keysOf } from './schema-keys.ts'

/**
 * What somebody may have meant by a key that is not known: the nearest one at that place, or the same one in a section
 * below it, as `load.concurrency` for `concurrency`.
 * @param path where the key stands in what `schema` describes
 * @param more keys that are known there beside those of the schema
 * @returns null where nothing is near
 */
export function didYouMean(
  key: string,
  schema: z.ZodType,
  path: readonly PropertyKey[] = [],
  more: readonly string[] = [],
): string | null {
  const here = keysOf([schema], path)
  const near = nearest(key, [...here, ...more])
  if (near !== null) return near
  const below = [...new Set(here)].filter((k) => keysOf([schema], [...path, k]).includes(key))
  return below.length === 1 ? `${below[0]}.${key}` : null
}

/** The known word that a misspelt one is nearest to: two slips away at most, or its only continuation. */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length < 3) return null
  let best: string | null = null
  let least = Math.min(2, Math.ceil(word.length / 3)) + 1
  for (const candidate of known) {
    const slips = slipsBetween(word.toLowerCase(), candidate.toLowerCase())
    if (slips < least) [best, least] = [candidate, slips]
  }
  if (best !== null) return best
  const longer = [...new Set(known)].filter((k) => k.startsWith(`${word}_`))
  return longer.length === 1 ? (longer[0] as string) : null
}

/** Letters that are missing, too many, other ones, or swapped with their neighbour (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + same,
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] as number) + 1)
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length] as number
}
