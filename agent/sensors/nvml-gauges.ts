import type { MetricName } from '../../analysis/schema/metric.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlHandle, Reader } from '../ffi/nvml-call.ts'
import { CLOCK, FIELD, SCOPE } from '../ffi/nvml-readings.ts'
import { openGauge } from './gauge.ts'
import type { NvmlDevice } from './nvml-device.ts'
import {
  aboveZero,
  asRead,
  type Judge,
  plausibleClock,
  plausibleMemory,
  plausibleMemoryTemperature,
  plausibleShare,
  plausibleTemperature,
} from './nvml-plausible.ts'
import { sensorRow } from './nvml-reading.ts'
import type { Refused } from './reading.ts'
import type { Sensor } from './sensor.ts'

interface Gauge {
  readonly metric: MetricName
  readonly open: (nvml: Nvml, handle: NvmlHandle) => Reader
  readonly judge: (gpu: NvmlDevice) => Judge
}

/** What is read of each GPU at every interval. A new gauge is a line here. */
const GAUGES: readonly Gauge[] = [
  {
    metric: 'gpu_temperature_c',
    open: (nvml, at) => nvml.temperature(at),
    judge: () => plausibleTemperature,
  },
  {
    metric: 'gpu_memory_temperature_c',
    open: (nvml, at) => nvml.field(at, FIELD.memory_temperature, SCOPE.gpu),
    judge: () => plausibleMemoryTemperature,
  },
  {
    metric: 'gpu_sm_clock_mhz',
    open: (nvml, at) => nvml.clock(at, CLOCK.sm),
    judge: () => plausibleClock,
  },
  {
    metric: 'gpu_memory_clock_mhz',
    open: (nvml, at) => nvml.clock(at, CLOCK.memory),
    judge: () => plausibleClock,
  },
  {
    metric: 'gpu_utilisation_pct',
    open: (nvml, at) => nvml.utilisation(at),
    judge: () => plausibleShare,
  },
  {
    metric: 'gpu_memory_used_bytes',
    open: (nvml, at) => nvml.memoryUsed(at),
    judge: (gpu) => plausibleMemory(gpu.device.memory_bytes ?? null),
  },
  {
    metric: 'gpu_throttle_reasons',
    open: (nvml, at) => nvml.throttleReasons(at),
    judge: () => asRead,
  },
  {
    metric: 'gpu_power_limit_mw',
    open: (nvml, at) => nvml.enforcedPowerLimit(at),
    judge: () => aboveZero,
  },
]

/** The gauges that a GPU answers, each read once: the first call of a kind is slow. */
export function openGauges(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
): { sensors: readonly Sensor[]; refused: readonly Refused[] } {
  const sensors: Sensor[] = []
  const refused: Refused[] = []
  for (const { metric, open, judge: judgeOf } of GAUGES) {
    const read = open(nvml, gpu.handle)
    const judge = judgeOf(gpu)
    const row = sensorRow(gpu.uuid, metric, 'nvml')
    const gauge = openGauge(row, clock, () => judge(gpu.guarded(read)))
    if (gauge.sensor === null) refused.push({ source: metric, reason: gauge.reason })
    else sensors.push(gauge.sensor)
  }
  return { sensors, refused }
}
