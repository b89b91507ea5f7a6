import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Reason } from '../../analysis/schema/reason.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { inContainer } from './container.ts'
import { readText } from './files.ts'
import { type RaplDomain, raplDomains } from './rapl-domains.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const SOURCE = 'rapl'

/** x86 energy counters through Linux' powercap tree: package, core, DRAM and platform (psys) domains. */
export const rapl: SensorSource = {
  name: SOURCE,
  async open({ clock, sysfsRoot, procRoot }: SensorOptions): Promise<OpenSource> {
    const root = join(sysfsRoot, 'class/powercap')
    const domains = raplDomains(root)
    const sensors: Sensor[] = []
    const missing: Missing[] = []
    const open: number[] = []
    for (const domain of domains) {
      const opened = openDomain(domain, clock)
      if ('sensor' in opened) {
        sensors.push(opened.sensor)
        open.push(opened.fd)
      } else if (domain.scope !== 'core') missing.push(opened.missing)
    }
    if (domains.length === 0) missing.push(nothingFound(root, procRoot))
    return {
      source: SOURCE,
      devices: devicesOf(domains, sensors),
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
 * The devices of the domains that can be read. Where one package can be read, the others are listed too: their
 * energy is then unknown, and not left out of a sum.
 */
function devicesOf(domains: readonly RaplDomain[], sensors: readonly Sensor[]) {
  const read = new Set(sensors.map((s) => s.row.metric))
  const listed = domains.filter((d) => read.has(d.metric))
  return [...new Map(listed.map(({ device }) => [device.device_id, device])).values()]
}

function openDomain(
  { path, device, metric, scope, max_w }: RaplDomain,
  clock: Clock,
): { sensor: Sensor; fd: number } | { missing: Missing } {
  const file = join(path, 'energy_uj')
  let fd = -1
  try {
    fd = openSync(file, 'r')
    readCounter(fd)
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    return { missing: refused(file, device.device_id, error as NodeJS.ErrnoException) }
  }
  const range = Number(readText(join(path, 'max_energy_range_uj')).text)
  const sensor_id = `${device.device_id}:${SOURCE}${scope === 'core' ? ':core' : ''}`
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
        max_w,
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
      ? `Cannot read ${file} (${error.code}). Grant it until the next boot with: sudo chmod a+r ${file}; for good by a udev rule or through zeusd (docs/measuring.md, "RAPL").`
      : `Cannot read ${file} (${error.code ?? error.message}). Check that LLEM_SYSFS_ROOT, where set, leads to the host's /sys; else load the driver again: sudo modprobe -r intel_rapl_msr && sudo modprobe intel_rapl_msr.`,
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
