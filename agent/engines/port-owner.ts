import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

const LISTEN = '0A'

/**
 * The process that listens on a TCP port of this host, as far as /proc tells: of another user's process it does not,
 * and elsewhere than on Linux there is none.
 * @param procRoot usually /proc
 * @returns its pid, or null
 */
export async function portOwner(port: number, procRoot: string): Promise<number | null> {
  const inodes = new Set<string>()
  for (const table of ['tcp', 'tcp6']) {
    const text = await readFile(join(procRoot, 'net', table), 'utf8').catch(() => '')
    for (const line of text.split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === LISTEN && Number.parseInt(local?.split(':')[1] ?? '', 16) === port)
        inodes.add(`socket:[${inode}]`)
    }
  }
  if (inodes.size === 0) return null
  const pids = (await readdir(procRoot).catch(() => [])).filter((name) => /^\d+$/.test(name))
  // Forked workers share the socket; the first, oldest one is the server.
  for (const pid of pids.sort((a, b) => Number(a) - Number(b))) {
    const files = await readdir(join(procRoot, pid, 'fd')).catch(() => [])
    for (const fd of files) {
      const target = await readlink(join(procRoot, pid, 'fd', fd)).catch(() => '')
      if (inodes.has(target)) return Number(pid)
    }
  }
  return null
}
