import { chmodSync, closeSync, fchmodSync, fstatSync, openSync, statSync } from 'node:fs'

/** Readable and writable by this user alone. */
export const PRIVATE_FILE = 0o600
const OTHERS = 0o077

/** Makes an empty file for this user alone where none is: what opens it later takes over its rights. */
export function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', PRIVATE_FILE))
  } catch {
    // It is there, or can't be made: whoever opens it reports that better.
  }
}

/** Takes the rights of others from a file of ours and from those that SQLite keeps beside it. */
export function narrowFile(path: string): void {
  for (const each of [path, `${path}-wal`, `${path}-shm`])
    try {
      const { mode } = statSync(each)
      if ((mode & OTHERS) !== 0) chmodSync(each, mode & ~OTHERS & 0o777)
    } catch {
      // Not there, or another user's: `check` reports it.
    }
}

/** Rights that others have on a file, such as `644`; null: none. */
export function openToOthers(path: string): string | null {
  const mode = statSync(path).mode & 0o777
  return (mode & OTHERS) === 0 ? null : mode.toString(8)
}

/** Takes the rights of others from an open file of ours. */
export function narrow(file: number): void {
  const stat = fstatSync(file)
  if (!stat.isFile() || (stat.mode & OTHERS) === 0) return
  try {
    fchmodSync(file, PRIVATE_FILE)
  } catch {
    // Another user's file, which we may write to: its rights are that user's to give.
  }
}
