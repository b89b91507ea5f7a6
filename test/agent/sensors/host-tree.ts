import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder that stands for a host's /sys and /proc. */
export interface HostTree {
  readonly root: string
  /** Writes files, each under its path below the root, with a newline as the kernel ends them. */
  write(files: Readonly<Record<string, string | number>>): void
  /** Takes a file or a folder away. */
  take(path: string): void
  remove(): void
}

export function hostTree(): HostTree {
  const root = mkdtempSync(join(tmpdir(), 'llem-host-'))
  return {
    root,
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), `${text}\n`)
      }
    },
    take: (path) => rmSync(join(root, path), { recursive: true, force: true }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
