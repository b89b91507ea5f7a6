import type { z } from 'zod'
import { didYouMean } from './did-you-mean.ts'
import { type Experiment, experimentConfigSchema, studySpecSchema } from './experiment.ts'
import { canonicalJson, experimentKey } from './key.ts'
import { isPlainVariable } from './plain-variables.ts'
import { isSecretName } from './secret-name.ts'

export interface StudyItem {
  readonly experiment: Experiment
  readonly experiment_key: string
  readonly cycle: number
}
export interface Study {
  readonly name: string | null
  readonly items: readonly StudyItem[]
  readonly experiments: readonly { experiment: Experiment; experiment_key: string }[]
  readonly pause_s: number
}

/** A bad place in a configuration, in the words that the CLI and the API print. */
export interface ConfigIssue {
  readonly path: string
  readonly message: string
}

/** Raised by {@link parseStudy}; `issues` names each bad key, its value and the remedy. */
export class ConfigError extends Error {
  readonly issues: readonly ConfigIssue[]
  constructor(issues: readonly ConfigIssue[]) {
    super(issues.map((i) => `${i.path || '(top)'}: ${i.message}`).join('\n'))
    this.name = 'ConfigError'
    this.issues = issues
  }
}

/**
 * Reads what a person wrote into a study: one experiment, or a grid with `sweep`, each `cycles` times,
 * in an order that depends only on the seed of the load.
 * @param redacted an experiment as it will be stored: its key is made of that
 * @throws ConfigError with the path, the bad value and the remedy of every fault
 */
export function parseStudy(
  input: unknown,
  redacted: (experiment: Experiment) => Experiment = (e) => e,
): Study {
  if (input === null || typeof input !== 'object' || Array.isArray(input))
    throw new ConfigError([
      {
        path: '',
        message: `is ${describe(input)}; a configuration is a mapping of keys to values`,
      },
    ])
  const spec = parseWith(studySpecSchema, input)
  const raw = { ...(input as Record<string, unknown>) }
  delete raw['sweep']
  delete raw['repeat']
  const seen = new Map<string, { experiment: Experiment; experiment_key: string }>()
  for (const settings of combinations(Object.entries(spec.sweep ?? {}))) {
    let candidate: unknown = structuredCopy(raw)
    for (const [path, value] of settings) candidate = setPath(candidate, path, value)
    const experiment = parseWith(experimentConfigSchema, candidate)
    const experiment_key = experimentKey(redacted(experiment))
    if (!seen.has(experiment_key)) seen.set(experiment_key, { experiment, experiment_key })
  }
  const experiments = [...seen.values()]
  const cycles = spec.repeat?.cycles ?? 1
  const items: StudyItem[] = []
  for (let cycle = 0; cycle < cycles; cycle++) {
    const round = experiments.map((e) => ({ ...e, cycle }))
    items.push(
      ...(spec.repeat?.order === 'fixed' || cycles === 1 ? round : shuffled(round, cycle + 1)),
    )
  }
  return { name: spec.name, items, experiments, pause_s: spec.repeat?.pause_s ?? 0 }
}

/** Sets `key.path` in a copy of a configuration. A string where a section may stand becomes that section. */
export function setPath(config: unknown, path: string, value: unknown): Record<string, unknown> {
  const keys = path.split('.')
  if (keys.some((k) => k === '' || k === '__proto__'))
    throw new ConfigError([{ path, message: 'is not a key path such as load.concurrency' }])
  const root: Record<string, unknown> = { ...(config as Record<string, unknown>) }
  let at = root
  for (const [i, key] of keys.slice(0, -1).entries()) {
    const here = at[key]
    const next: Record<string, unknown> =
      typeof here === 'string' && i === 0
        ? { [key === 'engine' ? 'name' : 'id']: here }
        : here !== null && typeof here === 'object' && !Array.isArray(here)
          ? { ...(here as Record<string, unknown>) }
          : {}
    at[key] = next
    at = next
  }
  at[keys.at(-1) as string] = value
  return root
}

/** @throws ConfigError with the path, the bad value and the remedy of every fault */
export function parseWith<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input, { reportInput: true })
  if (result.success) return result.data
  throw new ConfigError(result.error.issues.flatMap((issue) => describeIssue(issue, schema)))
}

/** One zod issue in our words: the path, the bad value, the remedy. */
function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodType): ConfigIssue[] {
  const path = issue.path.map(String).join('.')
  const given = 'input' in issue && issue.input !== undefined
  const shown = given
    ? `is ${isHidden(issue.path) ? '(hidden)' : describe(issue.input)}; `
    : issue.code === 'invalid_type'
      ? 'is missing; '
      : ''
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const meant = didYouMean(key, schema, issue.path)
      return {
        path: path ? `${path}.${key}` : key,
        message: `is not a known key; ${meant === null ? '' : `did you mean ${meant}? Else `}see llem-agent config schema`,
      }
    })
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const plain = plainAlternatives(issue.errors)
    if (plain !== null) return [{ path, message: `${shown}it must be ${plain}` }]
    // Of the alternatives, the one that got furthest into the value speaks best.
    const deepest = [...issue.errors].sort((a, b) => depth(b) - depth(a))[0] ?? []
    return deepest.flatMap((inner) =>
      describeIssue({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue, schema),
    )
  }
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const given = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator]
    const { options = [] } = issue as { options?: readonly unknown[] }
    const known = options.map(String).join(', ')
    return [{ path, message: `is ${describe(given)}; it must be one of ${known}` }]
  }
  if (issue.code === 'invalid_value')
    return [{ path, message: `${shown}it must be one of ${issue.values.map(String).join(', ')}` }]
  if (issue.code === 'too_small' && issue.origin !== 'array' && issue.origin !== 'string')
    return [
      {
        path,
        message: `${shown}it must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`,
      },
    ]
  if (issue.code === 'too_big' && issue.origin !== 'array' && issue.origin !== 'string')
    return [
      {
        path,
        message: `${shown}it must be ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}`,
      },
    ]
  if (issue.code === 'invalid_key')
    return issue.issues.map((inner) => ({ path, message: inner.message }))
  if (issue.code === 'invalid_type')
    return [{ path, message: `${shown}it must be ${TYPE_WORDS[issue.expected] ?? issue.expected}` }]
  if (issue.code === 'custom') return [{ path, message: issue.message }]
  const rule = lower(issue.message)
  return [
    { path, message: `${shown}${shown !== '' && rule.startsWith('must ') ? 'it ' : ''}${rule}` },
  ]
}

/** A value that would be redacted is not printed either, even where it is of a wrong type. */
const isHidden = (path: readonly PropertyKey[]): boolean =>
  (path.at(-2) === 'env' && !isPlainVariable(String(path.at(-1)))) ||
  isSecretName(String(path.at(-1) ?? ''))

/** `auto or a whole number`, where all alternatives are of values or of types; else null. */
function plainAlternatives(errors: readonly (readonly z.core.$ZodIssue[])[]): string | null {
  const words = errors.map(([first]) => {
    if (first === undefined || first.path.length > 0) return null
    if (first.code === 'invalid_value') return first.values.map(String).join(', ')
    return first.code === 'invalid_type' ? (TYPE_WORDS[first.expected] ?? first.expected) : null
  })
  return words.includes(null) ? null : [...new Set(words)].join(' or ')
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
  array: 'a list',
}

const depth = (issues: readonly z.core.$ZodIssue[]) =>
  Math.max(0, ...issues.map((i) => i.path.length + (i.code === 'invalid_type' ? 0 : 0.5)))
const lower = (s: string) => s.charAt(0).toLowerCase() + s.slice(1)

function describe(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : canonicalJson(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function* combinations(
  axes: readonly (readonly [string, readonly unknown[]])[],
): Generator<(readonly [string, unknown])[]> {
  const [first, ...rest] = axes
  if (!first) return yield []
  for (const value of first[1])
    for (const tail of combinations(rest)) yield [[first[0], value], ...tail]
}

function structuredCopy(value: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>
}

/** Fisher-Yates on a small multiplicative generator: the same order for the same seed, everywhere. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const out = [...items]
  let state = (seed * 2_654_435_761) >>> 0
  for (let i = out.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const j = Math.floor((state / 2 ** 32) * (i + 1))
    const [a, b] = [out[i] as T, out[j] as T]
    out[i] = b
    out[j] = a
  }
  return out
}
