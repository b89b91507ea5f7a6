import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { isAlive } from './process-alive.ts'
import { openSpool, type Spool, UNFINISHED } from './spool.ts'
import { SpoolError, spoolError } from './spool-error.ts'

/**
 * live: its process records or sends it; ended: it only waits to be shipped; orphan: its process died before it
 * could say how the run ended; damaged: it can't be read, and `problem` says why.
 */
export type ListedSpool =
  | { readonly spool: Spool; readonly state: 'live' | 'ended' | 'orphan'; readonly problem: null }
  | { readonly spool: Spool; readonly state: 'damaged'; readonly problem: string }

/** A run on another host writes at least this often: its pid can't be looked up from here. */
const SILENT_MS = 10 * 60_000

/**
 * The spools of a directory, oldest run first (ids of runs ascend with time). No directory: none.
 * @throws SpoolError when the directory can't be read
 */
export async function listSpools(spoolDir: string): Promise<ListedSpool[]> {
  const names = await entries(spoolDir)
  const runs = names.filter((name) => !name.startsWith('.')).sort()
  const listed = await Promise.all(runs.map((name) => describe(openSpool(join(spoolDir, name)))))
  return listed.filter((one) => one !== null)
}

/** Removes what killed programs left between names: spools half made or half removed. */
export async function sweepSpools(spoolDir: string): Promise<void> {
  for (const name of (await entries(spoolDir)).filter((n) => UNFINISHED.test(n))) {
    const path = join(spoolDir, name)
    // Making one takes an instant: an old one has no maker any more.
    if (name.startsWith('.new-') && Date.now() - (await modified(path)) < SILENT_MS) continue
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

async function describe(spool: Spool): Promise<ListedSpool | null> {
  try {
    const alive = await ownerLives(spool)
    const ended = (await spool.readSeal()) !== null
    // What this very process has ended, it may as well ship again.
    const own = ended && (await spool.owner()).pid === process.pid
    if (alive && !own) return { spool, state: 'live', problem: null }
    return { spool, state: ended ? 'ended' : 'orphan', problem: null }
  } catch (error) {
    // Gone between the listing and the look: another program has shipped it.
    if ((await modified(spool.dir)) === 0) return null
    const fault = spoolError(error, spool.dir)
    const problem =
      fault instanceof SpoolError && fault.fault === 'gone'
        ? `${spool.dir} is no run's spool (it has no .llem/owner.json). If it is a bundle: llem-server import ${spool.dir}`
        : fault.message
    return { spool, state: 'damaged', problem }
  }
}

async function ownerLives(spool: Spool): Promise<boolean> {
  const owner = await spool.owner()
  if (owner.host === hostname()) return isAlive(owner)
  return Date.now() - (await modified(spool.tempDir)) < SILENT_MS
}

/** Every durable write passes through a temporary file, so its directory tells when the last one was. 0: not there. */
async function modified(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
}

async function entries(spoolDir: string): Promise<string[]> {
  try {
    const all = await readdir(spoolDir, { withFileTypes: true })
    return all.filter((entry) => entry.isDirectory()).map((entry) => basename(entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw spoolError(error, spoolDir)
  }
}
