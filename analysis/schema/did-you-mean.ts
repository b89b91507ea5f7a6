import type { z } from 'zod'

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
  const here = keysAt([schema], path)
  const near = nearest(key, [...here, ...more])
  if (near !== null) return near
  const below = [...new Set(here)].filter((k) => keysAt([schema], [...path, k]).includes(key))
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

/** Keys that objects of these schemas know at a path, those of all alternatives together. */
function keysAt(schemas: readonly z.core.$ZodType[], path: readonly PropertyKey[]): string[] {
  const [step, ...rest] = path
  return schemas.flatMap((schema): string[] => {
    const { def } = (schema as z.core.$ZodTypes)._zod
    switch (def.type) {
      case 'object':
        if (step === undefined) return Object.keys(def.shape)
        return keysAt(childOf(def.shape, step), rest)
      case 'array':
        return step === undefined ? [] : keysAt([def.element], rest)
      case 'record':
        return step === undefined ? [] : keysAt([def.valueType], rest)
      case 'union':
        return keysAt(def.options, path)
      case 'pipe':
        return keysAt([def.in, def.out], path)
      case 'optional':
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'readonly':
      case 'catch':
        return keysAt([def.innerType], path)
      default:
        return []
    }
  })
}

const childOf = (
  shape: Readonly<Record<string, z.core.$ZodType>>,
  step: PropertyKey,
): z.core.$ZodType[] => {
  const child = Object.hasOwn(shape, step) ? shape[String(step)] : undefined
  return child === undefined ? [] : [child]
}
