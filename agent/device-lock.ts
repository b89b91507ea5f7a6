import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Interrupted } from './interrupt.ts'
import { makeDirectories } from './make-directory.ts'
import { procStat } from './proc-stat.ts'
import { isAlive, processIdentity } from './process-alive.ts'
import { readText } from './read-file.ts'

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
  /** Shows the wait and how long it lasts at most; returns what ends that. */
  readonly wait?: (what: string, limit_s: number) => () => void
  readonly signal: AbortSignal
  /** The run that they are locked for. */
  readonly run_id?: string
  readonly retry_ms?: number
  /** How long a device that is measured by another agent is waited for, s. */
  readonly limit_s?: number
}

/** A long run, and no night. */
const LIMIT_S = 3600

/** Who holds a device. What an earlier version did not write is null. */
const holderSchema = z.object({
  pid: z.int().positive(),
  started: z.string().nullable(),
  run_id: z.string().nullable().default(null),
  /** As it was typed, shortened. */
  command: z.string().nullable().default(null),
  /** Wall clock, ISO 8601. */
  since: z.string().nullable().default(null),
})
export type LockHolder = z.infer<typeof holderSchema>

const COMMAND_CHARS = 200

function holderHere(run_id: string | null): LockHolder {
  const command = ['llem-agent', ...process.argv.slice(2)].join(' ')
  return {
    ...processIdentity(),
    run_id,
    command: command.length > COMMAND_CHARS ? `${command.slice(0, COMMAND_CHARS - 3)}...` : command,
    since: new Date().toISOString(),
  }
}

/** `process 12 (llem-agent run a.yaml), run 0198..., since 2026-11-25T01:02:03.000Z` */
export function holderText({ pid, command, run_id, since }: LockHolder): string {
  const stopped = procStat(pid)?.state === 'T' ? ', stopped: kill -CONT lets it go on' : ''
  return [
    `process ${pid}${command === null ? '' : ` (${command}${stopped})`}`,
    ...(run_id === null ? [] : [`run ${run_id}`]),
    ...(since === null ? [] : [`since ${since}`]),
  ].join(', ')
}

/**
 * Locks devices for this process, one agent at a time: two would count each other's joules. Waits, saying for whom,
 * until all are free, for limit_s at most; the lock of a process that is gone is void.
 * @returns what unlocks them
 * @throws LockError when the lock directory can't be written, or a device is not free in time; Interrupted when the wait is aborted
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
export async function lockHolder(device_id: string, stateDir: string): Promise<LockHolder | null> {
  const holder = holderOf(join(lockDir(stateDir), lockName(device_id)))
  return holder !== null && isAlive(holder) ? holder : null
}

const lockDir = (stateDir: string) => join(stateDir, 'locks')
const lockName = (device_id: string) => `${device_id.replaceAll(/[^A-Za-z0-9._-]/g, '_')}.json`

async function lockOne(device_id: string, options: LockOptions): Promise<string> {
  const { say, signal, run_id = null, retry_ms = 500, limit_s = LIMIT_S } = options
  const dir = lockDir(options.stateDir)
  const path = join(dir, lockName(device_id))
  const began = performance.now()
  let shown: number | null = null
  let end = () => {}
  try {
    for (;;) {
      if (signal.aborted)
        throw new Interrupted(
          shown === null
            ? `Stopped before ${device_id} was measured.`
            : `Stopped while waiting for ${device_id}, which process ${shown} measures.`,
        )
      if (await take(path, dir, run_id)) return path
      const holder = holderOf(path)
      if (holder === null || !isAlive(holder)) {
        await discard(path)
        continue
      }
      if ((performance.now() - began) / 1000 >= limit_s)
        throw new LockError(
          `${device_id} is still being measured by ${holderText(holder)}, after a wait of ${limit_s} s. Wait for it to end, stop it if it hangs, or wait longer by --lock-wait.`,
        )
      if (shown !== holder.pid) {
        end()
        say(`${device_id} is being measured by ${holderText(holder)}. Waiting for it to end.`)
        end = options.wait?.(`process ${holder.pid} to end with ${device_id}`, limit_s) ?? end
      }
      shown = holder.pid
      await sleep(retry_ms, undefined, { signal }).catch(() => {})
    }
  } finally {
    end()
  }
}

/** True when the lock file is ours. Written aside and linked, so that nobody ever reads half of it. */
async function take(path: string, dir: string, run_id: string | null): Promise<boolean> {
  const aside = `${path}.${randomUUID()}`
  try {
    makeDirectories(dir, 0o700)
    await writeFile(aside, JSON.stringify(holderHere(run_id)), { mode: 0o600 })
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
  const holder = holderOf(aside)
  if (holder !== null && isAlive(holder)) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

function holderOf(path: string): LockHolder | null {
  try {
    return holderSchema.parse(JSON.parse(readText(path, 'state')))
  } catch {
    return null // gone, or not written by an agent
  }
}
