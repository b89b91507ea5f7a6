import { readFileSync } from 'node:fs'

/** Processor time of the thread that asks. */
export interface ThreadCpu {
  /** `process`: the system tells no thread's own time, so that this is an upper bound. */
  readonly basis: 'thread' | 'process'
  /** Seconds of processor time used so far. */
  seconds(): number
}

/**
 * How this thread's processor time can be read: from Node where it offers that (24 on), from Linux' scheduler, else
 * of the whole process. The files are read in the calling thread, so each thread reads its own.
 */
export function threadCpu(): ThreadCpu {
  const { threadCpuUsage } = process as {
    threadCpuUsage?: () => { user: number; system: number }
  }
  if (threadCpuUsage !== undefined)
    return {
      basis: 'thread',
      seconds() {
        const { user, system } = threadCpuUsage.call(process)
        return (user + system) / 1e6
      },
    }
  const scheduled = scheduledSeconds()
  if (scheduled !== null) return { basis: 'thread', seconds: () => scheduledSeconds() ?? scheduled }
  return { basis: 'process', seconds: processCpuSeconds }
}

/** Processor time of the whole process, s. */
export function processCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Of Linux' scheduler: nanoseconds on a processor, waiting for one, and times it was given one. */
function scheduledSeconds(): number | null {
  try {
    const run_ns = Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0])
    return Number.isFinite(run_ns) && run_ns > 0 ? run_ns / 1e9 : null
  } catch {
    return null
  }
}
