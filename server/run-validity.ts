import { runValidity } from '../analysis/findings/run-validity.ts'
import type { RunOutcome } from '../analysis/schema/run.ts'
import type { RunValidity } from '../analysis/schema/run-validity.ts'
import type { Summary } from '../analysis/schema/summary.ts'
import type { RunRow } from './store/tables.ts'

/** The validity of a stored run. */
export const validityOf = (
  row: Pick<RunRow, 'outcome' | 'reason'>,
  summary: Pick<Summary, 'run_id' | 'valid' | 'findings'>,
): RunValidity =>
  // The table holds the outcome of the seal, which was checked when it came.
  runValidity(summary, { outcome: row.outcome as RunOutcome | null, reason: row.reason })
