import { execFileSync } from 'node:child_process'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCE = fileURLToPath(new URL('./full_disk.c', import.meta.url))

export interface FullDisk {
  /** Environment of the program that is to meet it. */
  readonly env: Record<string, string>
  /** From now on the log of `db` may grow by so many bytes. */
  leave(bytes: number): void
  /** There is room again. */
  free(): void
}

/** A disk that fills up under SQLite's log (full_disk.c), compiled into `dir`. */
export function fullDisk(dir: string, db: string): FullDisk {
  const library = join(dir, 'full_disk.so')
  const limit = join(dir, 'full_disk_limit')
  execFileSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', SOURCE, '-o', library, '-ldl'])
  return {
    env: { LD_PRELOAD: library, FULL_DISK_LIMIT: limit },
    leave: (bytes) => writeFileSync(limit, String(statSync(`${db}-wal`).size + bytes)),
    free: () => rmSync(limit),
  }
}
