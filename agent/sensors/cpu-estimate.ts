import { cpus } from 'node:os'
import { join } from 'node:path'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { ratedPower } from './cpu-rated-power.ts'
import { readText } from './files.ts'
import type { OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const DEVICE = 'cpu_package:0'

/**
 * The last resort of a host without readable RAPL: idle watts + busy share × (rated - idle watts), by the share of time
 * that the cores were busy since the last reading. It knows nothing of clocks, vector units or memory, so
 * its bound is 40 % and every result that rests on it says so.
 * Source: docs/measuring.md, "The estimate".
 */
export const cpuEstimate: SensorSource = {
  name: 'cpu_estimate',
  async open({ clock, procRoot }: SensorOptions): Promise<OpenSource> {
    const processors = cpus()
    const model = processors[0]?.model.trim() || null
    const rated = ratedPower(model ?? '', processors.length)
    const power_id = `${DEVICE}:cpu_estimate`
    const busy_id = `${DEVICE}:procfs`
    let before = readTimes(procRoot)
    const read = (): readonly SampleRow[] => {
      const now = readTimes(procRoot)
      const t_ns = clock.now()
      const share = before && now ? busyShare(before, now) : null
      // Too little time has passed for the counters to move: the next reading covers this span too.
      if (before && now && share === null) return []
      before = now ?? before
      const row = (sensor_id: string, metric: string, value: number | null): SampleRow => ({
        t_ns,
        device_id: DEVICE,
        sensor_id,
        metric,
        value,
        reason: value === null ? 'lost' : null,
      })
      const watts = share === null ? null : rated.idle_w + share * (rated.tdp_w - rated.idle_w)
      return [
        row(power_id, 'cpu_power_mw', watts === null ? null : Math.round(watts * 1000)),
        row(busy_id, 'cpu_utilisation_pct', share === null ? null : share * 100),
      ]
    }
    const power: Sensor = {
      row: {
        sensor_id: power_id,
        device_id: DEVICE,
        metric: 'cpu_power_mw',
        source: 'cpu_estimate',
        scope: 'package',
        accuracy: { gain_rel: 0.4, basis: 'assumed' },
      },
      cadence: 'gauge',
      read,
    }
    // Its rows come with the power's: the same reading of the same counters.
    const busy: Sensor = {
      row: {
        sensor_id: busy_id,
        device_id: DEVICE,
        metric: 'cpu_utilisation_pct',
        source: 'procfs',
      },
      cadence: 'gauge',
      read: () => [],
    }
    return {
      source: 'cpu_estimate',
      devices: [
        { device_id: DEVICE, kind: 'cpu_package', vendor: null, model, tdp_w: rated.tdp_w },
      ],
      sensors: [power, busy],
      missing: [],
      environment: { cpu_estimate: { ...rated, cores: processors.length } },
      close: () => {},
    }
  },
}

interface Times {
  readonly busy: number
  readonly total: number
}

/** Busy and total time of all cores since boot: jiffies of /proc/stat, or milliseconds where there is none. */
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
