import { toJson } from '../../analysis/schema/json.ts'
import { type Verified, verifySubmission } from '../submission/verify-submission.ts'
import { validityLines } from './validity-lines.ts'
import { printLine } from './with-store.ts'

const SHOWN = 20

/** Checks a submission: exit 0 where every hash and every number holds, else 1. */
export function verify(dir: string, options: { json: boolean }): void {
  const verified = verifySubmission(dir)
  if (!verified.ok) process.exitCode = 1
  if (options.json) printLine(toJson(verified, 2))
  else sayVerified(verified)
}

function sayVerified(verified: Verified): void {
  const { run_id, validity, files, numbers } = verified
  for (const { file, message } of files.wrong.slice(0, SHOWN)) printLine(`${file} ${message}.`)
  for (const { file, path, stated, computed } of numbers.wrong.slice(0, SHOWN))
    printLine(`${file}: ${path} is stated as ${toJson(stated)}; the rows give ${toJson(computed)}.`)
  const count = files.wrong.length + numbers.wrong.length
  if (count > 2 * SHOWN) printLine('... --json tells all of them.')
  printLine(
    verified.ok
      ? `Run ${run_id}: ${files.checked} files and ${numbers.compared} values hold.`
      : `Run ${run_id} is not what it states: ${files.wrong.length} files and ${numbers.wrong.length} values are wrong.`,
  )
  if (validity !== null) for (const line of validityLines(validity)) printLine(line)
}
