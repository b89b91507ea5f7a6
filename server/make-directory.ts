import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const PRIVATE_FOLDER = 0o700

/**
 * Makes a directory and those above it, for this user alone; those that are there stay as they are. Node's own `recursive` never ends where a file system reports a directory as
 * missing and takes none in it, as /proc does.
 * @throws the system's error
 */
export function makeDirectory(path: string): void {
  const missing: string[] = []
  for (let at = path; !isThere(at); at = dirname(at)) missing.push(at)
  for (const at of missing.reverse()) {
    try {
      mkdirSync(at, { mode: PRIVATE_FOLDER })
    } catch (error) {
      // Another program may have been quicker.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isDirectory(at)) throw error
    }
  }
  if (missing.length === 0 && !isDirectory(path))
    throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST', syscall: 'mkdir', path })
}

const isThere = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false }) !== undefined || dirname(path) === path

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
