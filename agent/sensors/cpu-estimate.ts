import { cpus } from 'node:os'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import { type BusyShare, createBusyMeter } from './busy-share.ts'
import { ratedPower } from './cpu-rated-power.ts'
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
    const { tdp_w, idle_w } = rated
    const meter = createBusyMeter(procRoot, clock.now)
    const power: SensorRow = {
      sensor_id: `${DEVICE}:cpu_estimate`,
      device_id: DEVICE,
      metric: 'cpu_power_mw',
      source: 'cpu_estimate',
      scope: 'package',
      accuracy: { gain_rel: 0.4, basis: 'assumed' },
    }
    const busy: SensorRow = {
      sensor_id: `${DEVICE}:procfs`,
      device_id: DEVICE,
      metric: 'cpu_utilisation_pct',
      source: 'procfs',
    }
    return {
      source: 'cpu_estimate',
      devices: [{ device_id: DEVICE, kind: 'cpu_package', vendor: null, model, tdp_w }],
      sensors: [
        byShare(power, meter, (share) => Math.round((idle_w + share * (tdp_w - idle_w)) * 1000)),
        byShare(busy, meter, (share) => share * 100),
      ],
      missing: [],
      environment: { cpu_estimate: { ...rated, threads: processors.length } },
      close: () => {},
    }
  },
}

/** A sensor that makes its value of each new busy share: the mean over the span that ends at its stamp. */
function byShare(
  row: SensorRow,
  meter: () => BusyShare | null,
  toValue: (share: number) => number,
): Sensor {
  let last_ns = Number.NEGATIVE_INFINITY
  return {
    row,
    cadence: 'gauge',
    read() {
      const latest = meter()
      if (latest === null || latest.t_ns <= last_ns) return []
      const { t_ns, share } = latest
      last_ns = t_ns
      return [
        {
          t_ns,
          device_id: row.device_id,
          sensor_id: row.sensor_id,
          metric: row.metric,
          value: share === null ? null : toValue(share),
          reason: share === null ? 'lost' : null,
        },
      ]
    },
  }
}
