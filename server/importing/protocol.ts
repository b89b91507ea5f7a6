import { z } from 'zod'

/** Where the process that reads an import finds its job: others can read a command line, not this. */
export const JOB_ENV = 'LLEM_IMPORT'
/** The file as it came, and where the response is to be written: open files without a name, gone with their last user. */
export const BODY_FD = 3
export const RESPONSE_FD = 4

export const importJobSchema = z.strictObject({
  name: z.string(),
  format: z.string().nullable(),
  revision: z.string().nullable(),
  /** null: a dry run, nothing is stored. */
  db: z.strictObject({ path: z.string(), busy_timeout_ms: z.number() }).nullable(),
  actor: z.string(),
  now: z.string(),
  most_results: z.number(),
  most_bytes: z.number(),
})
export type ImportJob = z.infer<typeof importJobSchema>

const refusalSchema = z.strictObject({ status: z.int(), code: z.string(), detail: z.string() })

/** Lines on the standard output of that process. `storing` comes before the transaction, the last one ends it. */
export const importReportSchema = z.union([
  z.strictObject({ storing: z.literal(true) }),
  z.strictObject({ done: z.literal(true) }),
  z.strictObject({ refused: refusalSchema }),
  z.strictObject({ store: z.strictObject({ fault: z.string(), message: z.string() }) }),
  z.strictObject({ over_bytes: z.number() }),
  z.strictObject({ failed: z.string() }),
])
export type ImportReport = z.infer<typeof importReportSchema>
