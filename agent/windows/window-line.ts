import { z } from 'zod'

const id = z.union([z.int(), z.string().min(1).max(200)])
/** CLOCK_MONOTONIC of this host: Python's time.monotonic_ns(), Node's process.hrtime.bigint(). */
const t_ns = z.number().nonnegative().nullish()
const count = z.int().nonnegative().nullish()

const beginSchema = z.object({
  begin: z.string().min(1).max(200),
  id,
  t_ns,
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).nullish(),
})
const endSchema = z.object({ end: id, t_ns, tokens: count, requests: count })

/** The end of a window; `problem` says which of its counts are left out, since they are none. */
type EndLine = z.infer<typeof endSchema> & { readonly problem?: string }
/** One line of the windows' socket: a window begins, or one ends. */
export type WindowLine = z.infer<typeof beginSchema> | EndLine

const EXAMPLE = '{"begin":"prefill","id":1,"t_ns":123} or {"end":1,"t_ns":456}'

/** The line's meaning, or a sentence that says what is wrong with it. */
export function readWindowLine(line: string): WindowLine | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return `is not JSON; a line is ${EXAMPLE}`
  }
  if (value === null || typeof value !== 'object' || !('begin' in value || 'end' in value))
    return `has neither begin nor end; a line is ${EXAMPLE}`
  const { told, problem } = 'begin' in value ? { told: value, problem: null } : withoutBad(value)
  const result = ('begin' in value ? beginSchema : endSchema).safeParse(told)
  if (result.success) return problem === null ? result.data : { ...result.data, problem }
  const [issue] = result.error.issues
  return `has a bad ${issue?.path.join('.')} (${issue?.message}); a line is ${EXAMPLE}`
}

const COUNTS = ['tokens', 'requests'] as const
const VALUE_SHOWN = 40

/** A bad count is left out: without its end the window would go on to the end of the program. */
function withoutBad(value: object): { told: object; problem: string | null } {
  const told: Record<string, unknown> = { ...value }
  const bad: string[] = []
  for (const name of COUNTS) {
    if (count.safeParse(told[name]).success) continue
    const value = told[name]
    // 1e999 is read as Infinity, which JSON has no word for.
    const shown = typeof value === 'number' ? String(value) : JSON.stringify(value)
    bad.push(`${name} ${shown.slice(0, VALUE_SHOWN)}`)
    delete told[name]
  }
  const problem = `has ${bad.join(' and ')}, where a whole number from 0 to ${Number.MAX_SAFE_INTEGER} belongs; the window ends without`
  return { told, problem: bad.length === 0 ? null : problem }
}
