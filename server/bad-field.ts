import type { z } from 'zod'
import { CANON, summaryKeys } from '../analysis/schema/canon.ts'
import { didYouMean } from '../analysis/schema/did-you-mean.ts'

/** A bad place in what was sent, in the words of an answer. */
export interface BadField {
  readonly path: string
  readonly message: string
}

/** A body can hold millions of faults; nobody reads more. */
const MOST = 100

/**
 * Each fault that zod found, or the first hundred and that there are more: the path, the bad value and what it must be.
 * @param under is put before each path
 * @param schema of what was sent: then a key that is not known is told with the one that was perhaps meant
 */
export const badFields = (
  issues: readonly z.core.$ZodIssue[],
  under = '',
  schema?: z.ZodType,
): BadField[] => {
  const fields = fieldsAt(issues, [], under, schema)
  const more = { path: under, message: `has more faults; these are the first ${MOST}` }
  return fields.length > MOST ? [...fields.slice(0, MOST), more] : fields
}

function fieldsAt(
  issues: readonly z.core.$ZodIssue[],
  at: readonly PropertyKey[],
  under: string,
  schema: z.ZodType | undefined,
): BadField[] {
  return issues.slice(0, MOST + 1).flatMap((issue) => {
    const keys = [...at, ...issue.path]
    const path = [under, ...keys.map(String)].filter((p) => p !== '').join('.')
    if (issue.code === 'unrecognized_keys')
      return issue.keys.slice(0, MOST + 1).map((key) => {
        const meant = schema === undefined ? null : didYouMean(key, schema, keys, boundsLike(key))
        return {
          path: path === '' ? key : `${path}.${key}`,
          message: `is not known here; ${meant === null ? 'take it out or check its spelling' : `did you mean ${meant}?`}`,
        }
      })
    // Of the alternatives of a union, the one that got furthest into the value speaks best.
    const [best = []] =
      issue.code === 'invalid_union' && !isOurs(issue)
        ? [...issue.errors].sort((a, b) => depth(b) - depth(a))
        : []
    if (best.length > 0) return fieldsAt(best, keys, under, schema)
    return [{ path, message: sentence(issue) }]
  })
}

/** Bounds of metrics, which no schema lists. */
function boundsLike(key: string): string[] {
  const bound = /^(min|max)_/.exec(key)?.[0]
  if (bound === undefined) return []
  return Object.entries(CANON).flatMap(([id, row]) => summaryKeys(id, row).map((k) => bound + k))
}

/** `is "zz"; it must be a whole number from 1 to 1000` */
function sentence(issue: z.core.$ZodIssue): string {
  const value = shown(issue)
  const rule = lower((isOurs(issue) ? null : expected(issue)) ?? issue.message)
  return value === '' ? rule : `${value}; ${rule.startsWith('must ') ? 'it ' : ''}${rule}`
}

/** Whether the words are those of a schema of ours, which say more than any that are made of the issue. */
const isOurs = ({ message }: z.core.$ZodIssue): boolean => !/^(Invalid|Too) /.test(message)

const KINDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
}
const COUNTED: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' }

function expected(issue: z.core.$ZodIssue): string | null {
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    return `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`
  }
  if (issue.code === 'invalid_type') {
    const missing = issue.input === undefined ? 'is missing; it ' : ''
    return `${missing}must be ${KINDS[issue.expected] ?? issue.expected}`
  }
  if (issue.code === 'too_small') {
    const { origin, minimum, inclusive } = issue
    if (origin === 'string' && minimum === 1) return 'must not be empty'
    return `must be ${inclusive === false ? 'above' : 'at least'} ${minimum}${COUNTED[origin] ?? ''}`
  }
  if (issue.code === 'too_big') {
    const { origin, maximum, inclusive } = issue
    return `must be ${inclusive === false ? 'below' : 'at most'} ${maximum}${COUNTED[origin] ?? ''}`
  }
  return null
}

const depth = (issues: readonly z.core.$ZodIssue[]) =>
  Math.max(
    0,
    ...issues.slice(0, MOST).map((i) => i.path.length + (i.code === 'invalid_type' ? 0 : 0.5)),
  )

function shown(issue: z.core.$ZodIssue): string {
  const value = faulty(issue)
  if (value === undefined || issue.message.startsWith('is ')) return ''
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : value !== null && typeof value === 'object'
        ? Array.isArray(value)
          ? 'a list'
          : 'a mapping'
        : String(value)
  return `is ${text.length > 80 ? `${text.slice(0, 77)}...` : text}`
}

/** The value that a fault is about. Of one between several fields zod tells all of them, and the path which it is. */
function faulty({ code, input, path }: z.core.$ZodIssue): unknown {
  if (code !== 'custom' || input === null || typeof input !== 'object' || Array.isArray(input))
    return input
  const key = String(path.at(-1))
  return Object.hasOwn(input, key)
    ? ((input as Record<string, unknown>)[key] ?? undefined)
    : undefined
}

const lower = (s: string) => s.charAt(0).toLowerCase() + s.slice(1)
