import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it, for this user alone where `mode` says so. Node's own `recursive` never ends where a file system reports a directory as
 * missing and takes none in it, as /proc does.
 * @returns the directories that were made, the highest first
 * @throws the system's error
 */
export function makeDirectories(path: string, mode = 0o777): readonly string[] {
  const missing: string[] = []
  for (let at = path; !isThere(at); at = dirname(at)) missing.push(at)
  for (const at of missing.reverse()) {
    try {
      mkdirSync(at, { mode })
    } catch (error) {
      // Another program may have been quicker.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isDirectory(at)) throw error
    }
  }
  if (missing.length === 0 && !isDirectory(path))
    throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST', syscall: 'mkdir', path })
  return missing
}

const isThere = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false }) !== undefined || dirname(path) === path

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
