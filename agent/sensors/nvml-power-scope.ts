import type { MetricName } from '../../analysis/schema/metric.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Nvml } from '../ffi/nvml.ts'
import { FIELD, SCOPE } from '../ffi/nvml-readings.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { POWER_ACCURACY, sensorRow } from './nvml-reading.ts'

/** Both polled powers are refreshed about ten times a second; reading them faster gives repeats. */
const REFRESH_MS = 100

export type PowerScope = 'gpu' | 'module'
/** Superchips may refuse the GPU's own scope and answer for the module: GPU, CPU and memory together. */
export const POWER_SCOPES: readonly PowerScope[] = ['gpu', 'module']

/** A power sensor's row of run.json; the scope that answered stands in it. */
export function powerRow(
  gpu: NvmlDevice,
  source: 'nvml_power_ring' | 'nvml_power_instant' | 'nvml_power_average',
  scope: PowerScope | 'memory',
  more: Partial<SensorRow>,
  metric: MetricName = 'gpu_power_mw',
): SensorRow {
  return sensorRow(gpu.uuid, metric, source, {
    ...(scope === 'gpu' ? {} : { sensor_id: `${gpu.uuid}:${source}:${scope}` }),
    scope,
    period_ms: REFRESH_MS,
    accuracy: POWER_ACCURACY,
    ...more,
  })
}

/** Rated power, mW: of the GPU its default limit, of a module the driver's default limit for it. null: not known. */
export function ratedPower(nvml: Nvml, gpu: NvmlDevice, scope: PowerScope): number | null {
  if (scope === 'gpu') return gpu.device.tdp_w == null ? null : gpu.device.tdp_w * 1000
  return gpu.guarded(nvml.field(gpu.handle, FIELD.default_limit, SCOPE.module)).value || null
}

/** Boards on which GPU, CPU and memory are one module (Grace-Hopper, Grace-Blackwell). */
export const isSuperchip = (gpu: NvmlDevice): boolean =>
  /\bG[HB]\d{3}\b/.test(gpu.device.model ?? '')
