import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Device } from '../../analysis/schema/device.ts'
import type { MetricName } from '../../analysis/schema/metric.ts'
import type { Reason } from '../../analysis/schema/reason.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { inContainer } from './container.ts'
import { listNames, readText } from './files.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

interface Domain {
  readonly path: string
  readonly device: Device
  readonly metric: MetricName
  readonly scope: 'package' | 'dram' | 'platform'
}

const SOURCE = 'rapl'

/** x86 energy counters through Linux' powercap tree: package, DRAM and platform (psys) domains. */
export const rapl: SensorSource = {
  name: SOURCE,
  async open({ clock, sysfsRoot, procRoot }: SensorOptions): Promise<OpenSource> {
    const root = join(sysfsRoot, 'class/powercap')
    const domains = findDomains(root)
    const sensors: Sensor[] = []
    const devices = new Map<string, Device>()
    const missing: Missing[] = []
    const open: number[] = []
    for (const domain of domains) {
      const opened = openDomain(domain, clock)
      if ('sensor' in opened) {
        sensors.push(opened.sensor)
        devices.set(domain.device.device_id, domain.device)
        open.push(opened.fd)
      } else missing.push(opened.missing)
    }
    if (domains.length === 0) missing.push(nothingFound(root, procRoot))
    return {
      source: SOURCE,
      devices: [...devices.values()],
      sensors,
      missing,
      environment: {},
      close: () => {
        for (const fd of open) closeSync(fd)
      },
    }
  },
}

/**
 * The disjoint domains of the tree. Package counters contain core and uncore, so those are left out; the MMIO twin
 * is the same counter again; psys contains the package and is a scope of its own.
 */
function findDomains(root: string): Domain[] {
  const domains: Domain[] = []
  for (const zone of listNames(root)) {
    if (!/^intel-rapl:\d+$/.test(zone)) continue
    const name = readText(join(root, zone, 'name')).text ?? ''
    const socket = /^package-(\d+)(?:-die-(\d+))?/.exec(name)
    if (name === 'psys') domains.push(domain(join(root, zone), 'platform:0', 'platform_energy_uj'))
    if (!socket) continue
    const id = socket[2] === undefined ? socket[1] : `${socket[1]}.${socket[2]}`
    domains.push(domain(join(root, zone), `cpu_package:${id}`, 'cpu_energy_uj'))
    for (const sub of listNames(join(root, zone)))
      if (sub.startsWith(`${zone}:`) && readText(join(root, zone, sub, 'name')).text === 'dram')
        domains.push(domain(join(root, zone, sub), `dram:${id}`, 'dram_energy_uj'))
  }
  return domains
}

const KINDS = {
  cpu_energy_uj: { kind: 'cpu_package', scope: 'package', model: null },
  dram_energy_uj: { kind: 'dram', scope: 'dram', model: null },
  platform_energy_uj: { kind: 'node', scope: 'platform', model: 'psys' },
} as const

function domain(path: string, device_id: string, metric: keyof typeof KINDS): Domain {
  const { kind, scope, model } = KINDS[metric]
  const watts = Number(readText(join(path, 'constraint_0_power_limit_uw')).text) / 1e6
  return {
    path,
    metric,
    scope,
    device: { device_id, kind, vendor: null, model, tdp_w: watts > 0 ? watts : null },
  }
}

function openDomain(
  { path, device, metric, scope }: Domain,
  clock: Clock,
): { sensor: Sensor; fd: number } | { missing: Missing } {
  const file = join(path, 'energy_uj')
  let fd: number
  try {
    fd = openSync(file, 'r')
    readCounter(fd)
  } catch (error) {
    return { missing: refused(file, device.device_id, error as NodeJS.ErrnoException) }
  }
  const range = Number(readText(join(path, 'max_energy_range_uj')).text)
  const sensor_id = `${device.device_id}:${SOURCE}`
  const row = (value: number | null, reason: Reason | null): SampleRow => ({
    t_ns: clock.now(),
    device_id: device.device_id,
    sensor_id,
    metric,
    value,
    reason,
  })
  return {
    fd,
    sensor: {
      row: {
        sensor_id,
        device_id: device.device_id,
        metric,
        source: SOURCE,
        scope,
        period_ms: 1,
        range: range > 0 ? range : null,
        accuracy: { gain_rel: 0.05, basis: 'published' },
      },
      // The counter wraps after minutes at the earliest: once a second, and at the edges, loses nothing.
      cadence: 'ring',
      read() {
        try {
          return [row(readCounter(fd), null)]
        } catch (error) {
          const code = (error as NodeJS.ErrnoException).code
          return [row(null, code === 'EACCES' || code === 'EPERM' ? 'permission_denied' : 'lost')]
        }
      },
    },
  }
}

const buffer = () => Buffer.alloc(32)

/** @throws the system's error, or RangeError when the file holds no number */
function readCounter(fd: number): number {
  const bytes = buffer()
  const text = bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)).trim()
  if (!/^\d+$/.test(text)) throw new RangeError(`"${text}" is no counter reading`)
  return Number(text)
}

function refused(file: string, device_id: string, error: NodeJS.ErrnoException): Missing {
  const denied = error.code === 'EACCES' || error.code === 'EPERM'
  return {
    source: SOURCE,
    device_id,
    reason: denied ? 'permission_denied' : 'unsupported',
    fix: denied
      ? `Cannot read ${file} (${error.code}). Grant it until the next boot with: sudo chmod a+r ${file} (docs/measuring.md, "RAPL").`
      : `Cannot read ${file} (${error.code ?? error.message}).`,
  }
}

function nothingFound(root: string, procRoot: string): Missing {
  return inContainer(procRoot)
    ? {
        source: SOURCE,
        device_id: null,
        reason: 'masked_in_container',
        fix: `${root} holds no intel-rapl zones: containers hide the host's, if it has any. Mount its /sys/class/powercap and /sys/devices/virtual/powercap elsewhere and set LLEM_SYSFS_ROOT.`,
      }
    : {
        source: SOURCE,
        device_id: null,
        reason: 'unsupported',
        fix: `${root} holds no intel-rapl zones: virtual machines and non-x86 processors have none; on bare metal try: sudo modprobe intel_rapl_common intel_rapl_msr.`,
      }
}
