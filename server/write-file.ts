import { closeSync, constants, openSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeDirectory } from './make-directory.ts'
import { narrow, PRIVATE_FILE } from './private-file.ts'

/**
 * Writes a file that a person names, for this user alone, and makes the directories above it. One that is there is
 * replaced, and narrowed; a terminal is written as it is. A pipe is written to where somebody reads it: opening one that
 * nobody reads would wait for ever.
 * @throws the system's error; ENXIO for a pipe without a reader
 */
export function writeFile(path: string, content: string | Uint8Array): void {
  makeDirectory(dirname(path))
  const pipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
  // Kept open until all is written, since its reader would take its close for the end.
  const held = pipe ? openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) : null
  try {
    const file = openSync(path, 'w', PRIVATE_FILE)
    try {
      narrow(file)
      writeFileSync(file, content)
    } finally {
      closeSync(file)
    }
  } finally {
    if (held !== null) closeSync(held)
  }
}
