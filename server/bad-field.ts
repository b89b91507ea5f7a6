import type { z } from 'zod'

/** A bad place in what was sent, in the words of an answer. */
export interface BadField {
  readonly path: string
  readonly message: string
}

/** Each fault that zod found: the path, the bad value and what it must be. `under` is put before each path. */
export function badFields(issues: readonly z.core.$ZodIssue[], under = ''): BadField[] {
  return issues.flatMap((issue) => {
    const path = [under, ...issue.path.map(String)].filter((p) => p !== '').join('.')
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        path: path === '' ? key : `${path}.${key}`,
        message: 'is not known here; take it out or check its spelling',
      }))
    return [{ path, message: `${shown(issue)}${lower(message(issue))}` }]
  })
}

/** Of the alternatives of a union, the one that got furthest into the value speaks best. */
function message(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message
  const [first] = [...issue.errors].sort((a, b) => depth(b) - depth(a))
  return first?.[0] ? message(first[0]) : issue.message
}

const depth = (issues: readonly z.core.$ZodIssue[]) =>
  Math.max(0, ...issues.map((i) => i.path.length + (i.code === 'invalid_type' ? 0 : 0.5)))

function shown(issue: z.core.$ZodIssue): string {
  if (!('input' in issue) || issue.input === undefined || issue.message.startsWith('is ')) return ''
  const value = issue.input
  const text =
    typeof value === 'string'
      ? JSON.stringify(value)
      : value !== null && typeof value === 'object'
        ? Array.isArray(value)
          ? 'a list'
          : 'a mapping'
        : String(value)
  return `is ${text.length > 80 ? `${text.slice(0, 77)}...` : text}; `
}

const lower = (s: string) => s.charAt(0).toLowerCase() + s.slice(1)
