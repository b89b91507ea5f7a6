import { readFileSync } from 'node:fs'

/** A process that can be told from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Start time in clock ticks since boot (Linux); null where the system does not tell. */
  readonly started: string | null
}

/** What to write into a lock or an owner file, so that others can later ask `isAlive`. */
export function processIdentity(pid: number = process.pid): ProcessIdentity {
  return { pid, started: processStat(pid)?.started ?? null }
}

/**
 * Whether that very process still runs. A zombie is dead; a process of another user is alive; where the start
 * time is unknown on either side, the pid alone decides.
 */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  if (!answersSignal(pid)) return false
  const stat = processStat(pid)
  if (stat === null) return true
  if (stat.state === 'Z' || stat.state === 'X') return false
  return started === null || stat.started === started
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function processStat(pid: number): { state: string; started: string } | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null
  }
  // The command's name stands in brackets and may itself hold brackets and blanks: fields count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, started] = [fields[0], fields[19]]
  return state === undefined || started === undefined ? null : { state, started }
}
