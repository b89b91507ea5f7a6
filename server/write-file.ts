import { closeSync, constants, openSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeDirectory } from './make-directory.ts'

/**
 * Writes a file that a person names, and makes the directories above it. A pipe is written to where somebody reads it:
 * opening one that nobody reads would wait for ever.
 * @throws the system's error; ENXIO for a pipe without a reader
 */
export function writeFile(path: string, content: string | Uint8Array): void {
  makeDirectory(dirname(path))
  const pipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
  // Kept open until all is written, since its reader would take its close for the end.
  const held = pipe ? openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) : null
  try {
    writeFileSync(path, content)
  } finally {
    if (held !== null) closeSync(held)
  }
}
