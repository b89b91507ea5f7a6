import { hasEnded, procStat } from './proc-stat.ts'

/** A process that can be told from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start time in clock ticks since boot (Linux); null where the system does not tell. */
  readonly started: string | null
}

/** What to write into a lock or an owner file, so that others can later ask `isAlive`. */
export function processIdentity(pid: number = process.pid): ProcessIdentity {
  return { pid, started: procStat(pid)?.started ?? null }
}

/**
 * Whether that very process still runs. A zombie is dead; a process of another user is alive; where the start
 * time is unknown on either side, the pid alone decides.
 */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  if (!answersSignal(pid)) return false
  const stat = procStat(pid)
  if (stat === null) return true
  if (hasEnded(stat)) return false
  return started === null || stat.started === null || stat.started === started
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
