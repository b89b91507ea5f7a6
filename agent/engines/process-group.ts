import { hasEnded, listPids, procStat } from '../proc-stat.ts'

/** Sends a signal to every process of a group; there may be none left. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pgid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Whether a process of the group still runs. Without /proc zombies can't be told apart. */
export function isGroupAlive(pgid: number): boolean {
  const pids = listPids()
  if (pids.length === 0) return answers(pgid)
  return pids.some((pid) => {
    const stat = procStat(pid)
    return stat !== null && stat.group === pgid && !hasEnded(stat)
  })
}

function answers(pgid: number): boolean {
  try {
    return process.kill(-pgid, 0)
  } catch {
    return false
  }
}
