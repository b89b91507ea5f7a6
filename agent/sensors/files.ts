import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

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

/** The same without blocking: some files of /sys ask slow hardware. */
export async function readTextLater(
  path: string,
): Promise<{ text: string; code: null } | { text: null; code: string }> {
  try {
    return { text: (await readFile(path, 'utf8')).trim(), code: null }
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
