import { canonicalJson } from '../schema/key.ts'

type Configuration = Readonly<Record<string, unknown>>

/** Names, not settings. */
const NAMES = new Set(['name', 'tags'])

/**
 * What sets configurations apart: by key path, the value that each has there (undefined: none).
 * Names and tags do not count. Paths in order.
 */
export function configurationDifferences(
  configurations: readonly Configuration[],
): { path: string; values: unknown[] }[] {
  const flat = configurations.map((c) => {
    const leaves = new Map<string, unknown>()
    for (const [key, value] of Object.entries(c)) if (!NAMES.has(key)) flatten(key, value, leaves)
    return leaves
  })
  const paths = [...new Set(flat.flatMap((leaves) => [...leaves.keys()]))].sort()
  return paths
    .map((path) => ({ path, values: flat.map((leaves) => leaves.get(path)) }))
    .filter(({ values }) => new Set(values.map((v) => canonicalJson(v))).size > 1)
}

/** A configuration in the words of what sets it apart: "concurrency 4", "model a, rate 2". Empty: nothing does. */
export function differenceLabel(
  differences: readonly { path: string; values: readonly unknown[] }[],
  index: number,
): string {
  return differences.map(({ path, values }) => `${word(path)} ${shown(values[index])}`).join(', ')
}

function flatten(path: string, value: unknown, into: Map<string, unknown>): void {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    for (const [key, inner] of Object.entries(value)) flatten(`${path}.${key}`, inner, into)
  else into.set(path, value)
}

/** The last key of a path, or its section where the key alone says nothing: model.id is the model. */
function word(path: string): string {
  const keys = path.split('.')
  const last = keys.at(-1) as string
  const section = keys.at(-2)
  return (last === 'id' || last === 'name') && section ? section : last.replaceAll('_', ' ')
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'unset'
  return typeof value === 'string' ? value : canonicalJson(value)
}
