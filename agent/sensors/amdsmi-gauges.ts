import { type MetricName, THROTTLE_BITS } from '../../analysis/schema/metric.ts'
import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import { type AmdHandle, type AmdReader, type Amdsmi, CLOCK, TEMPERATURE } from '../ffi/amdsmi.ts'
import type { Violations } from '../ffi/amdsmi-values.ts'
import type { AmdGpu } from './amdsmi-device.ts'
import { sensorRow } from './amdsmi-reading.ts'
import { openGauge } from './gauge.ts'
import { powered, type Refused, sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

interface Gauge {
  readonly metric: MetricName
  readonly open: (amdsmi: Amdsmi, at: AmdHandle) => AmdReader
  /** Which parts have one of their own; the others would only repeat that of the whole. */
  readonly of: readonly AmdGpu['part'][]
  readonly judge?: (reading: Maybe) => Maybe
}

const EACH_DIE = ['whole', 'die'] as const
const EACH = ['whole', 'die', 'partition'] as const

/** What is read of each GPU at every interval. A new gauge is a line here. */
const GAUGES: readonly Gauge[] = [
  {
    metric: 'gpu_temperature_c',
    of: EACH_DIE,
    // Newer accelerators have no sensor at the edge of the die.
    open: (amdsmi, at) =>
      firstOf(
        amdsmi.temperature(at, TEMPERATURE.edge),
        amdsmi.temperature(at, TEMPERATURE.hotspot),
      ),
  },
  {
    metric: 'gpu_hotspot_temperature_c',
    of: EACH_DIE,
    open: (amdsmi, at) => amdsmi.temperature(at, TEMPERATURE.hotspot),
  },
  {
    metric: 'gpu_memory_temperature_c',
    of: EACH_DIE,
    open: (amdsmi, at) => amdsmi.temperature(at, TEMPERATURE.memory),
  },
  { metric: 'gpu_sm_clock_mhz', of: EACH, open: (amdsmi, at) => amdsmi.clock(at, CLOCK.graphics) },
  {
    metric: 'gpu_memory_clock_mhz',
    of: EACH,
    open: (amdsmi, at) => amdsmi.clock(at, CLOCK.memory),
  },
  { metric: 'gpu_utilisation_pct', of: EACH, open: (amdsmi, at) => amdsmi.activity(at) },
  { metric: 'gpu_memory_used_bytes', of: EACH, open: (amdsmi, at) => amdsmi.memoryUsed(at) },
  {
    metric: 'gpu_power_limit_uw',
    of: ['whole'],
    open: (amdsmi, at) => amdsmi.powerCap(at),
    judge: powered,
  },
]

/** The gauges that a GPU answers, each read once: the first call of a kind is slow. */
export function openGauges(
  amdsmi: Amdsmi,
  gpu: AmdGpu,
  clock: Clock,
): { sensors: readonly Sensor[]; refused: readonly Refused[] } {
  const sensors: Sensor[] = []
  const refused: Refused[] = []
  for (const { metric, open, of, judge = asRead } of GAUGES) {
    if (!of.includes(gpu.part)) continue
    const read = open(amdsmi, gpu.handle)
    const gauge = openGauge(sensorRow(gpu, metric), clock, () => judge(gpu.guarded(read)))
    if (gauge.sensor === null) refused.push({ source: metric, reason: gauge.reason })
    else sensors.push(gauge.sensor)
  }
  return { sensors, refused }
}

/** What holds the GPU back, once a second: the library waits for 100 ms within the call. */
export async function openThrottle(
  amdsmi: Amdsmi,
  gpu: AmdGpu,
  clock: Clock,
): Promise<{ sensor: Sensor } | { sensor: null; reason: Reason }> {
  const read = amdsmi.violations(gpu.handle)
  if (read === null || gpu.part !== 'whole') return { sensor: null, reason: 'unsupported' }
  const first = await gpu.guardedLater(read)
  if (first.value === null) return { sensor: null, reason: first.reason }
  const row = sensorRow(gpu, 'gpu_throttle_reasons', { period_ms: 100 })
  return {
    sensor: {
      row,
      cadence: 'ring',
      async read() {
        const reading = throttleBits(await gpu.guardedLater(read))
        return [sampleRow(row, clock.now(), reading)]
      },
    },
  }
}

/** AMD's flags as the bits that mean the same in every source. */
const BIT_OF: { readonly [name in keyof Violations]: number } = {
  active_processor_hot: THROTTLE_BITS.hw_thermal,
  active_package_power: THROTTLE_BITS.sw_power_cap,
  active_socket_thermal: THROTTLE_BITS.sw_thermal,
  active_regulator_thermal: THROTTLE_BITS.sw_thermal,
  active_memory_thermal: THROTTLE_BITS.sw_thermal,
}

function throttleBits(reading: Maybe<Violations>): Maybe {
  if (reading.value === null) return unknown(reading.reason)
  let bits = 0
  for (const [name, active] of Object.entries(reading.value))
    if (active === true) bits |= BIT_OF[name as keyof Violations]
  return known(bits)
}

/** The first reading, and for good the second where the device does not offer the first. */
function firstOf(first: AmdReader, second: AmdReader): AmdReader {
  let reader = first
  return () => {
    const reading = reader()
    if (reader === second || reading.reason !== 'unsupported') return reading
    const other = second()
    if (other.value !== null) reader = second
    return other
  }
}

const asRead = (reading: Maybe): Maybe => reading
