import type { MetricName } from '../../analysis/schema/metric.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { AmdGpu } from './amdsmi-device.ts'

/**
 * AMD states no error of these readings, so NVIDIA's is taken until a meter tells better.
 * Source: docs/measuring.md, "AMD GPUs".
 */
const AMD_ACCURACY = { gain_rel: 0.05, offset_w: 5, basis: 'assumed' } as const

/** A sensor's row of run.json. */
export function sensorRow(
  gpu: AmdGpu,
  metric: MetricName,
  more: Partial<SensorRow> = {},
): SensorRow {
  const { device_id } = gpu.device
  return {
    sensor_id: `${device_id}:amdsmi:${metric}`,
    device_id,
    metric,
    source: 'amdsmi',
    ...more,
  }
}

/** What a row of power or energy says beside: what it covers, and who else is within it. */
export function coverage(gpu: AmdGpu): Partial<SensorRow> {
  return {
    scope: gpu.is_module ? 'module' : 'gpu',
    accuracy: AMD_ACCURACY,
    ...(gpu.shared_with.length > 0 ? { shared_with: [...gpu.shared_with] } : {}),
  }
}
