import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Device } from '../../analysis/schema/device.ts'
import type { MetricName } from '../../analysis/schema/metric.ts'
import { listNames, readText } from './files.ts'

/** What one zone of the powercap tree counts. */
export interface RaplDomain {
  /** Its folder. */
  readonly path: string
  readonly device: Device
  readonly metric: MetricName
  readonly scope: 'package' | 'core' | 'dram' | 'platform'
  /**
   * The most that it can draw, W: twice its largest limit, as limits are passed for moments. null: no limit is told. A
   * wrap that means more than 2 kW is believed of no domain, whatever its limits.
   */
  readonly max_w: number | null
}

/**
 * The domains of the tree. A package contains its cores and its uncore, so its `core` is a scope of its own and
 * its `uncore` is left out; the MMIO twin (`intel-rapl-mmio`) is the same counter again; psys contains the package and is
 * a scope of its own.
 * @param root the folder of the zones, `/sys/class/powercap`
 */
export function raplDomains(root: string): RaplDomain[] {
  const domains: RaplDomain[] = []
  // Sockets of one host hold processors of one model.
  const processor = cpus()[0]?.model.trim() || null
  for (const zone of listNames(root)) {
    if (!/^intel-rapl:\d+$/.test(zone)) continue
    const path = join(root, zone)
    const name = zoneName(path)
    if (name === 'psys') domains.push(domain(path, 'platform:0', 'platform_energy_uj', 'psys'))
    const id = packageOf(name)
    if (id === null) continue
    domains.push(domain(path, `cpu_package:${id}`, 'cpu_energy_uj', processor))
    for (const sub of listNames(path)) {
      if (!sub.startsWith(`${zone}:`)) continue
      const inner = join(path, sub)
      const part = zoneName(inner)
      if (part === 'dram') domains.push(domain(inner, `dram:${id}`, 'dram_energy_uj', null))
      if (part === 'core')
        domains.push(domain(inner, `cpu_package:${id}`, 'cpu_core_energy_uj', processor))
    }
  }
  return domains
}

export const zoneName = (path: string): string => readText(join(path, 'name')).text ?? ''

/** `package-1-die-0` is package 1.0; null: the zone is no package. */
export function packageOf(name: string): string | null {
  const socket = /^package-(\d+)(?:-die-(\d+))?$/.exec(name)
  if (socket === null) return null
  return socket[2] === undefined ? (socket[1] as string) : `${socket[1]}.${socket[2]}`
}

const KINDS = {
  cpu_energy_uj: { kind: 'cpu_package', scope: 'package' },
  cpu_core_energy_uj: { kind: 'cpu_package', scope: 'core' },
  dram_energy_uj: { kind: 'dram', scope: 'dram' },
  platform_energy_uj: { kind: 'node', scope: 'platform' },
} as const

function domain(
  path: string,
  device_id: string,
  metric: keyof typeof KINDS,
  model: string | null,
): RaplDomain {
  const { kind, scope } = KINDS[metric]
  const rated =
    watts(path, 'constraint_0_max_power_uw') ?? watts(path, 'constraint_0_power_limit_uw')
  const limits = listNames(path)
    .filter((file) => /^constraint_\d+_(max_power|power_limit)_uw$/.test(file))
    .flatMap((file) => watts(path, file) ?? [])
  return {
    path,
    metric,
    scope,
    device: { device_id, kind, vendor: null, model, tdp_w: rated },
    max_w: limits.length === 0 ? null : 2 * Math.max(...limits),
  }
}

function watts(path: string, file: string): number | null {
  const value = Number(readText(join(path, file)).text) / 1e6
  return value > 0 ? value : null
}
