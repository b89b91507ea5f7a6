import type { z } from 'zod'

/** Keys that objects of these schemas know at a path, those of all alternatives together. */
export function keysOf(
  schemas: readonly z.core.$ZodType[],
  path: readonly PropertyKey[],
): string[] {
  const [step, ...rest] = path
  return schemas.flatMap((schema): string[] => {
    const { def } = (schema as z.core.$ZodTypes)._zod
    switch (def.type) {
      case 'object':
        if (step === undefined) return Object.keys(def.shape)
        return keysOf(childOf(def.shape, step), rest)
      case 'array':
        return step === undefined ? [] : keysOf([def.element], rest)
      case 'record':
        return step === undefined ? [] : keysOf([def.valueType], rest)
      case 'union':
        return keysOf(def.options, path)
      case 'pipe':
        return keysOf([def.in, def.out], path)
      case 'optional':
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'readonly':
      case 'catch':
        return keysOf([def.innerType], path)
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

/**
 * Can what these schemas describe hold a value at this path? Open mappings hold every key.
 * @param path at least one key
 */
export function holdsPath(
  schemas: readonly z.core.$ZodType[],
  path: readonly PropertyKey[],
): boolean {
  const [step, ...rest] = path
  return schemas.some((schema): boolean => {
    const { def } = (schema as z.core.$ZodTypes)._zod
    switch (def.type) {
      case 'object': {
        const below = childOf(def.shape, step as PropertyKey)
        return below.length > 0 && (rest.length === 0 || holdsPath(below, rest))
      }
      case 'record':
        return rest.length === 0 || holdsPath([def.valueType], rest)
      case 'unknown':
      case 'any':
        return true
      case 'union':
        return holdsPath(def.options, path)
      case 'pipe':
        return holdsPath([def.in, def.out], path)
      case 'optional':
      case 'nullable':
      case 'default':
      case 'prefault':
      case 'readonly':
      case 'catch':
        return holdsPath([def.innerType], path)
      default:
        return false
    }
  })
}
