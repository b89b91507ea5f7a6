import { isDoubtful, validityText } from '../../analysis/findings/run-validity.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'
import { type FailedRun, findRun } from '../store/find-run.ts'
import type { Store } from '../store/open.ts'
import type { RunRow } from '../store/tables.ts'

/**
 * The run that a command names; failed ones that `last` skipped are named on stderr.
 * @throws RunNotFound
 */
export const namedRun = (store: Store, ref: string): Promise<RunRow> =>
  findRun(store.db, ref, printSkipped)

const SHOWN = 5

export function printSkipped(failed: readonly FailedRun[]): void {
  for (const { run_id, reason } of failed.slice(0, SHOWN))
    process.stderr.write(
      `Skipped run ${run_id}, which is newer but failed${reason === null ? '' : ` (${reason.replace(/[.\s]+$/, '')})`}; name it by its id to see it.\n`,
    )
  if (failed.length > SHOWN)
    process.stderr.write(`Skipped ${failed.length - SHOWN} more newer runs that failed.\n`)
}

/** Where the result goes to a file or to a program: runs that are invalid or did not complete, on stderr. */
export function printDoubtful(runs: readonly RunValidity[]): void {
  for (const run of runs) if (isDoubtful(run)) process.stderr.write(`${validityText(run)}\n`)
}
