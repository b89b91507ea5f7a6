import type { Device } from '../../analysis/schema/device.ts'
import { THROTTLE_BITS } from '../../analysis/schema/metric.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import { type PowerSource, powerSourceOf } from './power-source.ts'

/** Longer holes in a power reading are not filled: the joules in them are not known. */
const BRIDGE_NS = 3e9

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
    devices.map((d) => [d.device_id, createState(d, powerSourceOf(d, sensors))]),
  )
  return {
    take(rows) {
      for (const row of rows) states.get(row.device_id)?.take(row)
    },
    now: () => [...states.values()].map((s) => s.now()),
  }
}

function createState(device: Device, source: PowerSource | null) {
  const newest = new Map<string, number>()
  const meter = source === null ? null : createMeter(source)
  let reason: string | null = null
  const value = (metric: string) => newest.get(metric) ?? null
  const watts = (milli: string, micro: string) => {
    const [mw, uw] = [value(milli), value(micro)]
    return mw !== null ? mw / 1e3 : uw !== null ? uw / 1e6 : null
  }
  return {
    take(row: SampleRow) {
      const read = row.value ?? null
      if (read === null) {
        newest.delete(row.metric)
        if (row.sensor_id === source?.sensor_id) reason = row.reason ?? 'not_recorded'
        return
      }
      newest.set(row.metric, read)
      if (row.sensor_id !== source?.sensor_id) return
      reason = null
      meter?.take(row.t_ns, read)
    },
    now(): LiveDevice {
      const bits = value('gpu_throttle_reasons')
      return {
        device_id: device.device_id,
        kind: device.kind ?? 'gpu',
        name: nameOf(device),
        source: source?.source ?? null,
        power_w: reason === null ? (meter?.power_w() ?? null) : null,
        energy_j: meter?.energy_j() ?? null,
        power_limit_w: watts('gpu_power_limit_mw', 'gpu_power_limit_uw'),
        temperature_c: value('gpu_temperature_c'),
        utilisation_pct: value('gpu_utilisation_pct') ?? value('cpu_utilisation_pct'),
        sm_clock_mhz: value('gpu_sm_clock_mhz'),
        memory_used_bytes: value('gpu_memory_used_bytes'),
        memory_bytes: device.memory_bytes ?? null,
        throttle:
          bits === null ? null : SLOWING.filter((name) => (bits & THROTTLE_BITS[name]) !== 0),
        reason: source === null ? 'not_recorded' : reason,
      }
    },
  }
}

/** Joules and mean watts of one source: a power reading holds back to the one before it, as a ring's mean does. */
function createMeter(source: PowerSource) {
  let last: { t_ns: number; value: number } | null = null
  let joules: number | null = null
  let covered_ns = 0
  let shown = { joules: 0, covered_ns: 0, power_w: null as number | null }

  const step = (from: { t_ns: number; value: number }, t_ns: number, value: number) => {
    if (!source.counter)
      return t_ns - from.t_ns > BRIDGE_NS
        ? null
        : (value * source.factor * (t_ns - from.t_ns)) / 1e9
    const rise = value - from.value
    if (rise >= 0) return rise * source.factor
    return source.range === null ? null : (rise + source.range) * source.factor
  }
  return {
    take(t_ns: number, value: number) {
      if (last !== null && t_ns <= last.t_ns) return
      const more = last === null ? null : step(last, t_ns, value)
      if (more !== null && last !== null) {
        joules = (joules ?? 0) + more
        covered_ns += t_ns - last.t_ns
      } else if (!source.counter) shown = { ...shown, power_w: value * source.factor }
      last = { t_ns, value }
    },
    energy_j: () => joules,
    /** Mean since the last call; where nothing came since, as it was. */
    power_w() {
      const seconds = (covered_ns - shown.covered_ns) / 1e9
      if (seconds > 0)
        shown = {
          joules: joules ?? 0,
          covered_ns,
          power_w: ((joules ?? 0) - shown.joules) / seconds,
        }
      return shown.power_w
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
