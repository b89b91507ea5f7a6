import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the system tells of a process in one line. */
export interface ProcStat {
  readonly name: string
  /** One letter: `R` runs, `S` sleeps, `Z` and `X` are dead. */
  readonly state: string
  readonly parent: number
  readonly group: number
  /** Start time in clock ticks since boot; null where the line is shorter. */
  readonly started: string | null
}

/** /proc/<pid>/stat; null where there is no such process, or no /proc. */
export function procStat(pid: number, procRoot = '/proc'): ProcStat | null {
  try {
    return parseProcStat(readFileSync(join(procRoot, String(pid), 'stat'), 'utf8'))
  } catch {
    return null // it ended meanwhile
  }
}

/**
 * `pid (name) state parent group ...`: the name may itself hold spaces and brackets, so fields count from the last
 * bracket. null: that is no such line.
 * Source: proc_pid_stat(5).
 */
export function parseProcStat(text: string): ProcStat | null {
  const end = text.lastIndexOf(')')
  const fields = text.slice(end + 2).split(' ')
  const [state, parent, group] = fields
  if (end < 0 || state === undefined || parent === undefined || group === undefined) return null
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    state,
    parent: Number(parent),
    group: Number(group),
    started: fields[19] ?? null,
  }
}

/** Zombies do not run: in a container whose first process reaps nobody they stay for ever. */
export const hasEnded = ({ state }: ProcStat): boolean => state === 'Z' || state === 'X'

/** All processes that /proc lists; none where there is no /proc. */
export function listPids(procRoot = '/proc'): number[] {
  try {
    return readdirSync(procRoot).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  } catch {
    return []
  }
}
