import { z } from 'zod'
import { runValiditySchema } from './run-validity.ts'
import { scenarioSchema } from './scenario.ts'
import { siteTableSchema } from './sites.ts'
import { totalsSchema } from './totals.ts'

export const STATEMENT_VERSION = 1

/** A run as it was when a statement was made. */
export const statedRunSchema = z.object({
  run_id: z.string(),
  sha256: z.string().describe('of its run.json, its seal and the hashes of its chunks'),
  validity: runValiditySchema
    .omit({ run_id: true })
    .optional()
    .describe('absent: the statement was made by an earlier version'),
})
export type StatedRun = z.infer<typeof statedRunSchema>

/** Totals frozen with all that they came from. Its address is the SHA-256 of its canonical JSON. */
export const statementDocumentSchema = z.object({
  statement_version: z.literal(STATEMENT_VERSION),
  title: z.string(),
  created_at: z.string(),
  program_version: z.string(),
  analysis_version: z.int(),
  tables_version: z.string(),
  query: z.record(z.string(), z.string()).describe('what was asked, by the names of /totals'),
  scenario: scenarioSchema,
  sites: siteTableSchema.nullable(),
  totals: totalsSchema,
  runs: z.array(statedRunSchema),
})
export type StatementDocument = z.infer<typeof statementDocumentSchema>

export const statementSchema = z.object({
  statement_id: z.string().describe('SHA-256 of the document in canonical JSON'),
  document: statementDocumentSchema,
})
export type Statement = z.infer<typeof statementSchema>

export const statementListSchema = z.object({
  statements: z.array(
    z.object({ statement_id: z.string(), title: z.string(), created_at: z.string() }),
  ),
})

/** What has changed since a statement was made. Nothing of it is changed by looking. */
export const verificationSchema = z.object({
  statement_id: z.string(),
  document: z.enum(['intact', 'damaged']).describe('whether it still has the hash of its address'),
  runs: z.object({
    intact: z.int(),
    missing: z.array(z.string()),
    changed: z.array(z.string()).describe('their rows no longer have the hashes stated'),
    added: z.array(z.string()).describe('the same question finds them now'),
    gone: z.array(z.string()).describe('the same question finds them no more: tags, archive'),
  }),
  analysis_version: z.object({ stated: z.int(), now: z.int() }),
  tables_version: z.object({ stated: z.string(), now: z.string() }),
  figures: z
    .enum(['same', 'differ'])
    .describe('what the same question under the same scenario answers now'),
  differences: z.array(
    z.object({ total: z.string(), stated: z.number().nullable(), now: z.number().nullable() }),
  ),
})
export type Verification = z.infer<typeof verificationSchema>
