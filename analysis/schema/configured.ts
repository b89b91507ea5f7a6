import type { z } from 'zod'
import { nearest } from './did-you-mean.ts'
import { experimentConfigSchema } from './experiment.ts'
import { FACTS } from './fact.ts'
import { canonicalJson } from './key.ts'
import { measurementSchema } from './measurement.ts'
import type { Result } from './result.ts'
import { holdsPath, keysOf } from './schema-keys.ts'

/** A configured value as lists filter, sort and group by it: lists and empty mappings as canonical JSON. */
export type ConfiguredValue = string | number | boolean

/** Names and tags have filters of their own; they are not settings. */
const NAMES = new Set(['name', 'tags'])

/** Every leaf of a configuration by its path (`load.concurrency`), unset ones too; a list is one leaf. */
export function configuredLeaves(
  configuration: Readonly<Record<string, unknown>>,
): Map<string, unknown> {
  const leaves = new Map<string, unknown>()
  for (const [key, value] of Object.entries(configuration))
    if (!NAMES.has(key)) flatten(key, value, leaves)
  return leaves
}

function flatten(path: string, value: unknown, into: Map<string, unknown>): void {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    for (const [key, inner] of Object.entries(value)) flatten(`${path}.${key}`, inner, into)
  else into.set(path, value)
}

/** The values that a configuration sets, by path; null and absent are the same: no value. */
export function configuredValues(
  configuration: Readonly<Record<string, unknown>>,
): Map<string, ConfiguredValue> {
  const values = new Map<string, ConfiguredValue>()
  for (const [path, value] of configuredLeaves(configuration))
    if (value !== null && value !== undefined) values.set(path, scalar(value))
  return values
}

const scalar = (value: unknown): ConfiguredValue =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : canonicalJson(value)

/** What other tools call settings that have a path here. */
const SETUP_PATHS: Readonly<Record<string, string>> = {
  concurrency: 'load.concurrency',
  max_concurrency: 'load.concurrency',
  request_rate: 'load.rate',
  requests: 'load.requests',
  num_prompts: 'load.requests',
  input_tokens: 'data.input_tokens',
  output_tokens: 'data.output_tokens',
}

/** The settings of a result of another tool: under the path that means the same here, else as `setup.NAME`. */
export function resultValues({ setup }: Pick<Result, 'setup'>): Map<string, ConfiguredValue> {
  const values = new Map<string, ConfiguredValue>()
  for (const [name, value] of Object.entries(setup ?? {}))
    if (value !== null)
      values.set(
        Object.hasOwn(SETUP_PATHS, name) ? (SETUP_PATHS[name] as string) : `setup.${name}`,
        value,
      )
  return values
}

const CONFIGURATIONS: readonly z.ZodType[] = [experimentConfigSchema, measurementSchema]

/** Can a configuration, or the setup of a result, hold a value at this path? Names of facts are none. */
export function isConfiguredPath(path: string): boolean {
  if (Object.hasOwn(FACTS, path) || NAMES.has(path.split('.')[0] as string)) return false
  if (/^setup\.[^.]+$/.test(path)) return true
  const keys = path.split('.')
  // A section alone is no value.
  const leaf = keys.length > 1 || keysOf(CONFIGURATIONS, keys).length === 0
  return leaf && !keys.includes('') && holdsPath(CONFIGURATIONS, keys)
}

/** The configured path that a misspelt one is nearest to, or the one whose last key it is: `concurrency`; else null. */
export function nearestPath(path: string): string | null {
  const keys = path.split('.')
  const section = keys.slice(0, -1)
  const last = keys.at(-1) as string
  if (section.length > 0) {
    const key = nearest(last, keysOf(CONFIGURATIONS, section))
    if (key !== null) return [...section, key].join('.')
    const top = nearest(section[0] as string, keysOf(CONFIGURATIONS, []))
    return top !== null && top !== section[0]
      ? (nearestPath([top, ...keys.slice(1)].join('.')) ?? [top, ...keys.slice(1)].join('.'))
      : null
  }
  const sections = keysOf(CONFIGURATIONS, []).filter((s) =>
    keysOf(CONFIGURATIONS, [s]).includes(last),
  )
  return new Set(sections).size === 1 ? `${sections[0]}.${last}` : null
}
