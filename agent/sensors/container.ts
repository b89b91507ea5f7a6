import { join } from 'node:path'
import { exists, readText } from './files.ts'

/** Whether this process lives in a container, by the marks that runtimes leave. */
export function inContainer(procRoot: string): boolean {
  if (procRoot === '/proc' && (exists('/.dockerenv') || exists('/run/.containerenv'))) return true
  if (/docker|kubepods|containerd|lxc/.test(readText(join(procRoot, '1/cgroup')).text ?? ''))
    return true
  // With control groups of their own containers see only "/": what tells is a root that is laid over layers.
  return /^\d+ \d+ \S+ \S+ \/ .* - overlay /m.test(
    readText(join(procRoot, 'self/mountinfo')).text ?? '',
  )
}

/** Whether a pid means a process here; pids of another namespace mostly do not. */
export function isVisibleProcess(procRoot: string, pid: number): boolean {
  return exists(join(procRoot, String(pid)))
}
