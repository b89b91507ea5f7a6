import { arch, cpus, hostname, type as osType, release, totalmem } from 'node:os'
import type { Host } from '../analysis/schema/run.ts'

/** What this host is, for run.json. */
export function describeHost(): Host {
  const cores = cpus()
  return {
    hostname: hostname(),
    os: `${osType()} ${release()}`,
    arch: arch(),
    cpu_model: cores[0]?.model.trim() ?? null,
    cpu_cores: cores.length || null,
    memory_bytes: totalmem(),
  }
}
