import { execFileSync } from 'node:child_process'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A pipe that nobody writes to: opening it as usual waits for ever. */
export const makePipe = (path: string): void => void execFileSync('mkfifo', [path])

/** Files that must not be read to their end, in a folder: a pipe that nobody writes to, and 80 MB. */
export function specialFiles(dir: string, ending = ''): { pipe: string; big: string } {
  const pipe = join(dir, `pipe${ending}`)
  const big = join(dir, `big${ending}`)
  makePipe(pipe)
  writeFileSync(big, '')
  truncateSync(big, 80_000_000)
  return { pipe, big }
}
