import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A process as its system shows it: its name, those that it descends from, and its process group. */
export interface ProcessLine {
  readonly name: string | null
  /** Parent first; the first process of the system is left out. */
  readonly ancestors: readonly number[]
  readonly group: number | null
}

/** A chain of parents never is this long; one that changes while it is read might never end. */
const MAX_DEPTH = 64

/** What /proc tells of a process; of one that is gone or of another system, nothing. */
export function processLine(procRoot: string, pid: number): ProcessLine {
  const own = statOf(procRoot, pid)
  const ancestors: number[] = []
  let parent = own?.parent ?? 0
  while (parent > 1 && ancestors.length < MAX_DEPTH) {
    ancestors.push(parent)
    parent = statOf(procRoot, parent)?.parent ?? 0
  }
  return { name: own?.name ?? null, ancestors, group: own?.group ?? null }
}

/** `pid (name) state parent group ...`: the name may hold spaces and brackets. Source: proc_pid_stat(5). */
function statOf(
  procRoot: string,
  pid: number,
): { name: string; parent: number; group: number } | null {
  let stat: string
  try {
    stat = readFileSync(join(procRoot, String(pid), 'stat'), 'utf8')
  } catch {
    return null
  }
  const end = stat.lastIndexOf(')')
  const [, parent, group] = stat.slice(end + 2).split(' ')
  return {
    name: stat.slice(stat.indexOf('(') + 1, end),
    parent: Number(parent),
    group: Number(group),
  }
}
