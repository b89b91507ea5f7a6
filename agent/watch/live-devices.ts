import type { Device } from '../../analysis/schema/device.ts'
import { THROTTLE_BITS } from '../../analysis/schema/metric.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { createPowerMeter } from './power-meter.ts'
import { type PowerSource, powerSourcesOf } from './power-source.ts'

/** What slows a GPU down; the other bits say what it was told to do. */
const SLOWING = [
  'sw_power_cap',
  'hw_slowdown',
  'sw_thermal',
  'hw_thermal',
  'hw_power_brake',
] as const

/** What is known of one device now; null: not read, or `reason` says why. */
export interface LiveDevice {
  readonly device_id: string
  readonly kind: string
  readonly name: string
  /** Where its power comes from; null where nothing tells it. */
  readonly source: string | null
  readonly power_w: number | null
  /** Joules since the watch began. */
  readonly energy_j: number | null
  readonly power_limit_w: number | null
  readonly temperature_c: number | null
  readonly utilisation_pct: number | null
  readonly sm_clock_mhz: number | null
  readonly memory_used_bytes: number | null
  readonly memory_bytes: number | null
  readonly throttle: readonly string[] | null
  readonly reason: string | null
}

/** Keeps the newest of everything that the sensors read. */
export interface LiveDevices {
  take(rows: readonly SampleRow[]): void
  /** The devices now; their power is the mean since the last call. */
  now(): LiveDevice[]
}

export function createLiveDevices(
  devices: readonly Device[],
  sensors: readonly SensorRow[],
): LiveDevices {
  const states = new Map(
    devices.map((d) => [d.device_id, createState(d, powerSourcesOf(d, sensors))]),
  )
  return {
    take(rows) {
      for (const row of rows) states.get(row.device_id)?.take(row)
    },
    now: () => [...states.values()].map((s) => s.now()),
  }
}

function createState(device: Device, sources: readonly PowerSource[]) {
  const newest = new Map<string, number>()
  const meter = createPowerMeter(sources)
  const value = (metric: string) => newest.get(metric) ?? null
  const watts = (milli: string, micro: string) => {
    const [mw, uw] = [value(milli), value(micro)]
    return mw !== null ? mw / 1e3 : uw !== null ? uw / 1e6 : null
  }
  return {
    take(row: SampleRow) {
      const read = row.value ?? null
      if (read === null) newest.delete(row.metric)
      else newest.set(row.metric, read)
      meter.take(row)
    },
    now(): LiveDevice {
      const bits = value('gpu_throttle_reasons')
      return {
        device_id: device.device_id,
        kind: device.kind ?? 'gpu',
        name: nameOf(device),
        source: meter.source(),
        power_w: meter.power_w(),
        energy_j: meter.energy_j(),
        power_limit_w: watts('gpu_power_limit_mw', 'gpu_power_limit_uw'),
        temperature_c: value('gpu_temperature_c'),
        utilisation_pct: value('gpu_utilisation_pct') ?? value('cpu_utilisation_pct'),
        sm_clock_mhz: value('gpu_sm_clock_mhz'),
        memory_used_bytes: value('gpu_memory_used_bytes'),
        memory_bytes: device.memory_bytes ?? null,
        throttle:
          bits === null ? null : SLOWING.filter((name) => (bits & THROTTLE_BITS[name]) !== 0),
        reason: meter.reason(),
      }
    },
  }
}

function nameOf(device: Device): string {
  const numbered =
    device.kind === 'gpu' && device.index != null ? `GPU ${device.index}` : device.device_id
  return device.model == null
    ? numbered
    : `${numbered} ${device.model
        .replace(/^NVIDIA /, '')
        .replace(/\s+/g, ' ')
        .trim()}`
}
