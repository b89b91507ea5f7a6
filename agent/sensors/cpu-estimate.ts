import { cpus } from 'node:os'
import type { Device } from '../../analysis/schema/device.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { type BusyShare, createBusyMeter } from './busy-share.ts'
import { dramSensor, estimateDram } from './cpu-estimate-dram.ts'
import { ratedPower } from './cpu-rated-power.ts'
import {
  type Found,
  NOTHING_FOUND,
  type OpenSource,
  type Sensor,
  type SensorOptions,
  type SensorSource,
} from './sensor.ts'

const DEVICE = 'cpu_package:0'

/**
 * The last resort of a host without readable counters, of the processor and of its memory each where nothing measures it.
 * Processor: idle watts + busy share × (rated - idle watts), by the share of time that the cores were busy since the
 * last reading. It knows nothing of clocks, vector units or memory, so its bound is 40 % and every result that rests on it
 * says so. Memory: watts for each gigabyte; shown, and never part of a sum.
 * Source: docs/measuring.md, "The estimate".
 */
export const cpuEstimate: SensorSource = {
  name: 'cpu_estimate',
  async open(options: SensorOptions, found: Found = NOTHING_FOUND): Promise<OpenSource> {
    const { clock, sysfsRoot, procRoot } = options
    const measures = (scope: string) => found.rows.some((r) => r.scope === scope)
    // What measures a whole module, or a processor as its firmware sees it, holds the memory too.
    const whole = found.devices.some((d) => d.kind === 'soc' || d.kind === 'module')
    const cpu = whole || measures('package') ? null : processor(procRoot, clock)
    const withMemory = whole || found.rows.some((r) => r.source === 'acpi' && r.scope === 'package')
    const dram = withMemory || measures('dram') ? null : estimateDram(sysfsRoot, procRoot)
    const memory = dram === null ? null : dramSensor(dram, clock)
    return {
      source: 'cpu_estimate',
      devices: [...(cpu ? [cpu.device] : []), ...(memory ? [memory.device] : [])],
      sensors: [...(cpu?.sensors ?? []), ...(memory ? [memory.sensor] : [])],
      missing:
        cpu || memory
          ? []
          : [
              {
                source: 'cpu_estimate',
                device_id: null,
                reason: 'no_device',
                fix: 'Nothing is left to estimate: processor and memory are measured.',
              },
            ],
      environment: {
        ...(cpu ? { cpu_estimate: cpu.basis } : {}),
        ...(dram ? { dram_estimate: dram } : {}),
      },
      close: () => {},
    }
  },
}

function processor(procRoot: string, clock: Clock) {
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
  const device: Device = { device_id: DEVICE, kind: 'cpu_package', vendor: null, model, tdp_w }
  return {
    device,
    sensors: [
      byShare(power, meter, (share) => Math.round((idle_w + share * (tdp_w - idle_w)) * 1000)),
      byShare(busy, meter, (share) => share * 100),
    ],
    basis: { ...rated, threads: processors.length },
  }
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
