import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'

/** A small text file of /sys or /proc, trimmed, or the error code that kept it from being read. */
export function readText(
  path: string,
): { text: string; code: null } | { text: null; code: string } {
  try {
    return { text: readFileSync(path, 'utf8').trim(), code: null }
  } catch (error) {
    return { text: null, code: (error as NodeJS.ErrnoException).code ?? 'EIO' }
  }
}

/** Names in a directory, sorted; empty where it can't be read. */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path).sort()
  } catch {
    return []
  }
}

export function exists(path: string): boolean {
  try {
    accessSync(path, constants.F_OK)
    return true
  } catch {
    return false
  }
}
