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
  const { file, close } = openNamed(path)
  try {
    writeFileSync(file, content)
  } finally {
    close()
  }
}

/** The same part by part: neither a string nor a buffer holds the whole of many runs. */
export async function writeParts(
  path: string,
  parts: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  const { file, close } = openNamed(path)
  try {
    for await (const part of parts) writeFileSync(file, part)
  } finally {
    close()
  }
}

function openNamed(path: string): { readonly file: number; close(): void } {
  makeDirectory(dirname(path))
  const pipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
  // Kept open until all is written, since its reader would take its close for the end.
  const held = pipe ? openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) : null
  const open: number[] = held === null ? [] : [held]
  const close = () => {
    for (const each of open.splice(0)) closeSync(each)
  }
  try {
    const file = openSync(path, 'w', PRIVATE_FILE)
    open.unshift(file)
    narrow(file)
    return { file, close }
  } catch (error) {
    close()
    throw error
  }
}
