import { z } from 'zod'
import { runTaskRow } from '../../analysis/exporters/mlenergy-run.ts'
import { runValidity } from '../../analysis/findings/run-validity.ts'
import { decodeRun } from '../../analysis/readings/decode-run.ts'
import { type RunValidity, runValiditySchema } from '../../analysis/schema/run-validity.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import { summarise } from '../../analysis/summary.ts'
import type { Bundle } from '../bundle/read-bundle.ts'
import { runFacts } from '../store/run-facts.ts'
import { sha256 } from '../store/sha256.ts'

export const SUBMISSION_VERSION = 1

/** `submission.json`: every other file of the folder with its hash. */
export const submissionSchema = z.looseObject({
  submission_version: z.literal(SUBMISSION_VERSION),
  run_id: z.string(),
  analysis_version: z.int(),
  validity: runValiditySchema.optional(),
  files: z.record(
    z.string(),
    z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().nonnegative() }),
  ),
})

/** What a submission states, as it follows from the raw rows of its bundle alone. */
export interface Stated {
  readonly summary: Summary
  readonly validity: RunValidity
  /** The row of the leaderboard's task file, as far as there is one. */
  readonly row: unknown
}

/** Computes all that a submission states from its bundle. */
export function statedOf({ run: { text, file }, chunks, outcome, reason }: Bundle): Stated {
  const ended = { ...file, run: { ...file.run, outcome, reason } }
  const run = decodeRun(
    ended,
    chunks.map(({ process_id, stream, seq, read }) => ({ process_id, stream, seq, bytes: read() })),
  )
  const summary = summarise(run)
  const validity = runValidity(summary, run)
  return { summary, validity, row: runTaskRow(run, summary, runFacts(ended), sha256(text)) }
}
