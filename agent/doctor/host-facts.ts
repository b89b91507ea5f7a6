import { accessSync, constants, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Doctor } from '../../analysis/schema/doctor.ts'
import { type Clock, type ClockAnchor, createClock, type TimeSource } from '../clock.ts'
import { describeHost } from '../host.ts'
import { inContainer } from '../sensors/container.ts'
import { exists, readText } from '../sensors/files.ts'

type Roots = { readonly sysfsRoot: string; readonly procRoot: string }

export function hostFacts(roots: Roots): Doctor['host'] {
  const { hostname, os, arch, cpu_model, cpu_cores, memory_bytes } = describeHost()
  return {
    hostname: hostname ?? null,
    os: os ?? null,
    arch: arch ?? null,
    cpu_model: cpu_model ?? null,
    cpu_cores: cpu_cores ?? null,
    memory_bytes: memory_bytes ?? null,
    node_version: process.versions.node,
    container: inContainer(roots.procRoot),
    cpu_limit_cores: cpuLimit(roots),
  }
}

/**
 * How many cores the process may use at most: the least limit of its control group and those above it.
 * Source: cgroups(7), cpu.max of version 2, cpu.cfs_quota_us of version 1.
 */
export function cpuLimit({ sysfsRoot, procRoot }: Roots): number | null {
  const own = readText(join(procRoot, 'self/cgroup')).text ?? ''
  const limits: number[] = []
  const climb = (root: string, path: string, read: (dir: string) => number | null) => {
    for (let at = path; ; at = dirname(at)) {
      const limit = read(join(root, at))
      if (limit !== null) limits.push(limit)
      if (at === '/' || at === '.') return
    }
  }
  const root = join(sysfsRoot, 'fs/cgroup')
  climb(root, /^0::(\/.*)$/m.exec(own)?.[1] ?? '/', (dir) => {
    const [quota, period] = (readText(join(dir, 'cpu.max')).text ?? '').split(/\s+/).map(Number)
    return ratio(quota, period)
  })
  climb(join(root, 'cpu'), /^\d+:[^:]*\bcpu\b[^:]*:(\/.*)$/m.exec(own)?.[1] ?? '/', (dir) =>
    ratio(number(join(dir, 'cpu.cfs_quota_us')), number(join(dir, 'cpu.cfs_period_us'))),
  )
  return limits.length === 0 ? null : Math.min(...limits)
}

const number = (path: string): number => Number(readText(path).text ?? Number.NaN)
/** `max` and -1 mean no limit. */
const ratio = (quota = Number.NaN, period = Number.NaN): number | null =>
  quota > 0 && period > 0 ? quota / period : null

/** Differences of so many readings show the monotonic clock's step. */
const READINGS = 2000

/**
 * What the run clock is worth. Wall and monotonic time are compared anew: a clock keeps what it has measured until the
 * two part by milliseconds.
 * @param before an anchor of the clock, some seconds old  @param time what the clock was made of
 */
export function clockFacts(clock: Clock, before: ClockAnchor, time?: TimeSource): Doctor['clock'] {
  let step_ns = Number.POSITIVE_INFINITY
  for (let i = 0, last = clock.now(); i < READINGS; i++) {
    const now = clock.now()
    if (now > last) step_ns = Math.min(step_ns, now - last)
    last = now
  }
  const after = createClock(time, clock.origin_ns).anchor()
  const elapsed_ns = after.t_ns - before.t_ns
  const wall_ns = Number(BigInt(after.wall_unix_ns) - BigInt(before.wall_unix_ns))
  return {
    monotonic_step_ns: step_ns,
    wall_error_ns: after.error_ns,
    wall_drift_ns: wall_ns - elapsed_ns,
    seconds: elapsed_ns / 1e9,
  }
}

/** Whether runs can be recorded there. Makes nothing. */
export function spoolFacts(dir: string): Doctor['spool'] {
  let at = dir
  while (!exists(at) && at !== dirname(at)) at = dirname(at)
  const writable = canWrite(at)
  return {
    dir,
    writable,
    free_bytes: freeBytes(at),
    fix: writable
      ? null
      : `${at} can't be written by this user. Grant it, or set LLEM_SPOOL to a directory of yours.`,
  }
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

function freeBytes(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return null // the file system does not tell
  }
}
