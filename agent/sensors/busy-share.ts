import { cpus } from 'node:os'
import { join } from 'node:path'
import { readText } from './files.ts'

/** Busy and total time of all cores since boot, in whatever unit the system counts. */
interface Times {
  readonly busy: number
  readonly total: number
}

/** How busy all cores were between two readings. */
export interface BusyShare {
  /** End of the span, ns on the run clock. */
  readonly t_ns: number
  /** 0 to 1; null: the counters are gone. */
  readonly share: number | null
}

/**
 * Cores are counted in ticks of 10 ms, so a shorter span than this says more of the ticks than of the work. At the edge of
 * a phase just after a reading there is then none; the next one covers the edge.
 */
const SHORTEST_NS = 50e6

/**
 * Reads how busy the cores were since the reading before. Several sensors may ask: within `SHORTEST_NS` they get
 * the same answer.
 */
export function createBusyMeter(procRoot: string, now_ns: () => number): () => BusyShare | null {
  let before = readTimes(procRoot)
  let before_ns = now_ns()
  let latest: BusyShare | null = null
  return () => {
    const t_ns = now_ns()
    if (t_ns - before_ns < SHORTEST_NS) return latest
    const now = readTimes(procRoot)
    const share = before && now ? busyShare(before, now) : null
    // Not a single tick has passed: the next reading covers this span too.
    if (before && now && share === null) return latest
    before = now ?? before
    before_ns = t_ns
    latest = { t_ns, share }
    return latest
  }
}

/** Jiffies of /proc/stat, or milliseconds where the system has no such file. */
function readTimes(procRoot: string): Times | null {
  const { text } = readText(join(procRoot, 'stat'))
  if (text === null) return process.platform === 'linux' ? null : portableTimes()
  const line = /^cpu\s+(.*)$/m.exec(text)
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    line?.[1]?.trim().split(/\s+/).map(Number) ?? []
  const busy = user + nice + system + irq + softirq + steal
  const total = busy + idle + iowait
  return total > 0 ? { busy, total } : null
}

function portableTimes(): Times {
  let busy = 0
  let total = 0
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq
    busy += used
    total += used + times.idle
  }
  return { busy, total }
}

/** 0 to 1; null when no tick has passed. Kernels may step a counter back a little: that is no negative work. */
function busyShare(before: Times, now: Times): number | null {
  const total = now.total - before.total
  return total <= 0 ? null : Math.min(1, Math.max(0, (now.busy - before.busy) / total))
}
