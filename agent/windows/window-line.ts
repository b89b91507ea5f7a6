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

/** One line of the windows' socket: a window begins, or one ends. */
export type WindowLine = z.infer<typeof beginSchema> | z.infer<typeof endSchema>

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
  const result = ('begin' in value ? beginSchema : endSchema).safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  return `has a bad ${issue?.path.join('.')} (${issue?.message}); a line is ${EXAMPLE}`
}
