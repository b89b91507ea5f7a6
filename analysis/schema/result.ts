import { utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { RESULT_FACTS, resultShape } from './fact.ts'
import { findingSchema } from './finding.ts'
import { idSchema } from './id.ts'
import { canonicalJson, sha256Hex } from './key.ts'
import { metricValueSchema } from './summary.ts'

/** board: a row that others published; run: what another tool reports of one run. */
export const RESULT_KINDS = ['board', 'run'] as const

/**
 * One number of a result. Unlike a run's, each says over which window it was counted, since tools mix them in one row:
 * steady, run, iterations or a name of the tool's own; null: not told.
 */
export const resultMetricSchema = metricValueSchema.extend({ window: z.string().nullable() })
export type ResultMetric = z.infer<typeof resultMetricSchema>

const text = z.string().nullable()
const whole = z.int().nullable()

export const resultProvenanceSchema = z.object({
  file: z.string().meta({ description: 'path of the file within what was imported' }),
  file_sha256: z.string(),
  row: whole.meta({ description: 'place of the row in its file, from 0; null: the whole file' }),
  revision: text.meta({ description: 'date or version of what was published, as its owner says' }),
  notes: z.array(z.string()).meta({ description: 'what a reader of the numbers must know' }),
})

/** What was measured, as far as its source tells: the same of runs and of results of others. */
export const MEASURED = resultShape(RESULT_FACTS)

/** A result that came without raw rows. What its source does not tell is null; never told apart from zero by guessing. */
export const resultSchema = z.object({
  result_id: idSchema,
  source: z.string().refine((s) => s !== 'local', 'local is for what was measured here'),
  kind: z.enum(RESULT_KINDS),
  name: text,
  ...MEASURED,
  setup: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .meta({ description: 'what else the measured thing was: lengths, sizes, steps, concurrency' }),
  metrics: z.record(z.string(), resultMetricSchema),
  foreign: z
    .record(z.string(), z.unknown())
    .meta({ description: 'what has no equal definition here, under its own name' }),
  valid: z.boolean(),
  findings: z.array(findingSchema),
  provenance: resultProvenanceSchema,
})
export type Result = z.infer<typeof resultSchema>

/**
 * Id of a result: the same for the same row of the same revision, however often and in whatever file it comes, so that
 * importing twice changes nothing. Rows that differ in any number are different results: twins are replicates.
 * @param row what makes the row itself, as JSON values
 */
export const resultId = (source: string, row: unknown, revision: string | null): string =>
  `${source}:${sha256Hex(utf8ToBytes(canonicalJson([row, revision]))).slice(0, 32)}`
