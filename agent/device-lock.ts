import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Interrupted } from './interrupt.ts'
import { makeDirectories } from './make-directory.ts'
import { isAlive, type ProcessIdentity, processIdentity } from './process-alive.ts'

/** The lock can't be had; the message says why. */
export class LockError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LockError'
  }
}

export interface LockOptions {
  readonly stateDir: string
  readonly say: (text: string) => void
  readonly signal: AbortSignal
  readonly retry_ms?: number
}

const holderSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() })

/**
 * Locks devices for this process, one agent at a time: two would count each other's joules. Waits, saying for whom,
 * until all are free; the lock of a process that is gone is void.
 * @returns what unlocks them
 * @throws LockError when the lock directory can't be written; Interrupted when the wait is aborted
 */
export async function lockDevices(
  device_ids: readonly string[],
  options: LockOptions,
): Promise<() => void> {
  const held: string[] = []
  const unlock = () => {
    // At once: the process may end before another turn of its loop.
    for (const path of held.splice(0)) rmSync(path, { force: true })
  }
  try {
    // In one order for all agents, so that two of them never wait for each other.
    for (const device_id of [...device_ids].sort()) held.push(await lockOne(device_id, options))
  } catch (error) {
    unlock()
    throw error
  }
  return unlock
}

/** The agent that measures a device now; null: none does. */
export async function lockHolder(
  device_id: string,
  stateDir: string,
): Promise<ProcessIdentity | null> {
  const holder = await holderOf(join(lockDir(stateDir), lockName(device_id)))
  return holder !== null && isAlive(holder) ? holder : null
}

const lockDir = (stateDir: string) => join(stateDir, 'locks')
const lockName = (device_id: string) => `${device_id.replaceAll(/[^A-Za-z0-9._-]/g, '_')}.json`

async function lockOne(device_id: string, options: LockOptions): Promise<string> {
  const { say, signal, retry_ms = 500 } = options
  const dir = lockDir(options.stateDir)
  const path = join(dir, lockName(device_id))
  let told: number | null = null
  for (;;) {
    if (signal.aborted)
      throw new Interrupted(
        told === null
          ? `Stopped before ${device_id} was measured.`
          : `Stopped while waiting for ${device_id}, which process ${told} measures.`,
      )
    if (await take(path, dir)) return path
    const holder = await holderOf(path)
    if (holder === null || !isAlive(holder)) {
      await discard(path)
      continue
    }
    if (told !== holder.pid)
      say(`${device_id} is being measured by process ${holder.pid}. Waiting for it to end.`)
    told = holder.pid
    await sleep(retry_ms, undefined, { signal }).catch(() => {})
  }
}

/** True when the lock file is ours. Written aside and linked, so that nobody ever reads half of it. */
async function take(path: string, dir: string): Promise<boolean> {
  const aside = `${path}.${randomUUID()}`
  try {
    makeDirectories(dir, 0o700)
    await writeFile(aside, JSON.stringify(processIdentity()), { mode: 0o600 })
    await link(aside, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw new LockError(
      `Cannot write the lock ${path} (${code}). Make ${dir} writable, or set XDG_STATE_HOME.`,
    )
  } finally {
    await rm(aside, { force: true })
  }
}

/** Removes a void lock. Another agent may have replaced it meanwhile by its own, which is then put back. */
async function discard(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    return // another agent was quicker
  }
  const holder = await holderOf(aside)
  if (holder !== null && isAlive(holder)) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

async function holderOf(path: string): Promise<ProcessIdentity | null> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return null // gone, or not written by an agent
  }
}
