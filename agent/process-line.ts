import { procStat } from './proc-stat.ts'

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
  const own = procStat(pid, procRoot)
  const ancestors: number[] = []
  let parent = own?.parent ?? 0
  while (parent > 1 && ancestors.length < MAX_DEPTH) {
    ancestors.push(parent)
    parent = procStat(parent, procRoot)?.parent ?? 0
  }
  return { name: own?.name ?? null, ancestors, group: own?.group ?? null }
}
