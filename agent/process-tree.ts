import { listPids, procStat } from './proc-stat.ts'

/** All descendants of a process, by /proc; empty where there is no /proc. */
export function childrenOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const each of listPids()) {
    const parent = procStat(each)?.parent ?? 0
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), each])
  }
  const found: number[] = []
  const open = [pid]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const below = children.get(next) ?? []
    found.push(...below)
    open.push(...below)
  }
  return found
}
