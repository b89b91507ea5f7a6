import { AnswerError } from './answers/answer-error.ts'
import { BundleError } from './bundle/bundle-error.ts'
import { CommandError } from './command-error.ts'
import { RunUnreadable } from './load-run.ts'
import { QualityError } from './quality-error.ts'
import { FileError } from './read-file.ts'
import { ResultError } from './results/result-error.ts'
import { NotStored } from './store/document-versions.ts'
import { RunNotFound } from './store/find-run.ts'
import { StoreError, type StoreFault } from './store/store-error.ts'

/** Faults of what was named on the command line, not of the work. */
const WRONG_FILE = new Set<StoreFault>(['missing', 'no_folder', 'not_sqlite', 'not_llem'])

/** One sentence on stderr, and the exit code: 1 the work failed, 2 the command line is wrong. */
export function sayAndExit(error: unknown): 1 | 2 {
  const known = StoreError.from(error, 'named by --db')
  if (known instanceof CommandError) return say(known.message, known.exit)
  if (known instanceof FileError) return say(`${known.path} ${known.message}.`, 2)
  if (known instanceof StoreError) return say(known.message, WRONG_FILE.has(known.fault) ? 2 : 1)
  if (known instanceof RunNotFound || known instanceof NotStored || known instanceof QualityError)
    return say(known.message, 2)
  if (
    known instanceof AnswerError ||
    known instanceof BundleError ||
    known instanceof ResultError ||
    known instanceof RunUnreadable
  )
    return say(known.message, 1)
  const system = known as NodeJS.ErrnoException
  if (typeof system.code === 'string' && typeof system.syscall === 'string')
    return say(systemText(system), 1)
  return say(known instanceof Error ? (known.stack ?? known.message) : String(known), 1)
}

/** What the system refused, in words: the place, why, and what to do. */
function systemText({ path = 'A file', code = '', message }: NodeJS.ErrnoException): string {
  const words = SYSTEM_WORDS[code]
  return words === undefined ? `${path} can't be used: ${message}.` : `${path} ${words} (${code}).`
}

const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  EACCES: "can't be used, as its rights forbid it. Change them, or give another place",
  EPERM: "can't be used, as its rights forbid it. Change them, or give another place",
  EROFS: 'lies on a disk that is read-only. Give another place',
  EISDIR: 'is a folder. Give the name of a file',
  ENOTDIR: 'leads through something that is no folder. Check the path',
  EEXIST: 'is there already, and no folder. Give another place',
  ENOENT: 'is not there. Check the path',
  ENXIO: 'is a pipe that nobody reads. Give another place',
  ENOSPC: "can't be written, as the disk is full. Free some space, then try again",
}

function say(message: string, exit: 1 | 2): 1 | 2 {
  process.stderr.write(`${message}\n`)
  return exit
}
