import { configuredLeaves } from '../schema/configured.ts'
import { canonicalJson } from '../schema/key.ts'

type Configuration = Readonly<Record<string, unknown>>

/**
 * Where configurations differ: by key path, the value that each has there (undefined: none).
 * Names and tags do not count. Paths in order.
 */
export function configurationDifferences(
  configurations: readonly Configuration[],
): { path: string; values: unknown[] }[] {
  const flat = configurations.map(configuredLeaves)
  const paths = [...new Set(flat.flatMap((leaves) => [...leaves.keys()]))].sort()
  return paths
    .map((path) => ({ path, values: flat.map((leaves) => leaves.get(path)) }))
    .filter(({ values }) => new Set(values.map((v) => canonicalJson(v))).size > 1)
}
