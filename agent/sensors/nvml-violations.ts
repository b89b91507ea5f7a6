import type { MetricName } from '../../analysis/schema/metric.ts'
import { unknown } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import { either, type NvmlHandle, type Reader } from '../ffi/nvml-call.ts'
import { FIELD, POLICY, SCOPE } from '../ffi/nvml-readings.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { sensorRow } from './nvml-reading.ts'
import { sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/**
 * How long the clocks were held down, and why: nanoseconds that the driver counts by itself, so that the seconds of
 * throttling do not rest on how often its bits were looked at. Field 269 is left out: it is said to count thermal
 * slowdown by software, and on an H100 (driver 580) it held what the counter of power held, to the nanosecond.
 */
const COUNTERS: readonly {
  readonly metric: MetricName
  readonly open: (nvml: Nvml, at: NvmlHandle) => Reader
}[] = [
  {
    metric: 'gpu_power_violation_ns',
    open: (nvml, at) =>
      either(nvml.violation(at, POLICY.power), nvml.field(at, FIELD.power_policy_ns, SCOPE.gpu)),
  },
  {
    metric: 'gpu_thermal_violation_ns',
    open: (nvml, at) =>
      either(
        nvml.violation(at, POLICY.thermal),
        nvml.field(at, FIELD.thermal_policy_ns, SCOPE.gpu),
      ),
  },
  {
    metric: 'gpu_hw_thermal_ns',
    open: (nvml, at) => nvml.field(at, FIELD.hw_thermal_ns, SCOPE.gpu),
  },
  {
    metric: 'gpu_power_brake_ns',
    open: (nvml, at) => nvml.field(at, FIELD.power_brake_ns, SCOPE.gpu),
  },
]

/** Those counters that a GPU offers, read at phase edges. That it offers none is no fault: the bits tell as well. */
export function openViolations(nvml: Nvml, gpu: NvmlDevice, clock: Clock): readonly Sensor[] {
  return COUNTERS.flatMap(({ metric, open }) => {
    const read = open(nvml, gpu.handle)
    if (gpu.guarded(read).value === null) return []
    const row = sensorRow(gpu.uuid, metric, 'nvml')
    let returns = gpu.returns()
    const sensor: Sensor = {
      row,
      cadence: 'edge',
      read() {
        const reading = gpu.guarded(read)
        const t_ns = clock.now()
        const began = gpu.returns() !== returns && reading.value !== null
        returns = began ? gpu.returns() : returns
        const reset = sampleRow(row, t_ns - 1, unknown('counter_reset'))
        return [...(began ? [reset] : []), sampleRow(row, t_ns, reading)]
      },
    }
    return [sensor]
  })
}
