import { readdirSync, readFileSync } from 'node:fs'

/** Sends a signal to every process of a group; there may be none left. */
export function signalGroup(pgid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pgid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/**
 * Whether a process of the group still runs. Zombies do not: in a container whose first process reaps nobody they
 * stay for ever. Without /proc they can't be told apart.
 */
export function isGroupAlive(pgid: number): boolean {
  let pids: string[]
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    pids = []
  }
  if (pids.length === 0) return answers(pgid)
  return pids.some((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The command's name may itself hold brackets and blanks: fields count from the last bracket.
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(group) === pgid && state !== 'Z' && state !== 'X'
    } catch {
      return false
    }
  })
}

function answers(pgid: number): boolean {
  try {
    return process.kill(-pgid, 0)
  } catch {
    return false
  }
}
