import { AnswerError } from './answers/answer-error.ts'
import { BundleError } from './bundle/bundle-error.ts'
import { CommandError } from './command-error.ts'
import { RunUnreadable } from './load-run.ts'
import { QualityError } from './quality-error.ts'
import { ResultError } from './results/result-error.ts'
import { RunNotFound } from './store/find-run.ts'
import { StoreError, type StoreFault } from './store/store-error.ts'

/** Faults of what was named on the command line, not of the work. */
const WRONG_FILE = new Set<StoreFault>(['missing', 'no_folder', 'not_sqlite', 'not_llem'])

/** One sentence on stderr, and the exit code: 1 the work failed, 2 the command line is wrong. */
export function sayAndExit(error: unknown): 1 | 2 {
  const known = StoreError.from(error, 'named by --db')
  if (known instanceof CommandError) return say(known.message, known.exit)
  if (known instanceof StoreError) return say(known.message, WRONG_FILE.has(known.fault) ? 2 : 1)
  if (known instanceof RunNotFound || known instanceof QualityError) return say(known.message, 2)
  if (
    known instanceof AnswerError ||
    known instanceof BundleError ||
    known instanceof ResultError ||
    known instanceof RunUnreadable
  )
    return say(known.message, 1)
  const system = known as NodeJS.ErrnoException
  if (typeof system.code === 'string' && typeof system.syscall === 'string')
    return say(`${system.path ?? 'A file'} can't be used: ${system.message}.`, 1)
  return say(known instanceof Error ? (known.stack ?? known.message) : String(known), 1)
}

function say(message: string, exit: 1 | 2): 1 | 2 {
  process.stderr.write(`${message}\n`)
  return exit
}
