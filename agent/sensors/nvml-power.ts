import type { Clock } from '../clock.ts'
import { FIELD, type Nvml, type Reader, SCOPE } from '../ffi/nvml.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { POWER_ACCURACY, sensorRow } from './nvml-reading.ts'
import { openPowerRing } from './nvml-ring.ts'
import { powered, type Refused, sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/** Both polled powers are refreshed about ten times a second; reading them faster gives repeats. */
const REFRESH_MS = 100
const AVERAGE_MS = 1000

/**
 * The one best source of a GPU's power: the ring, else the momentary value, else the mean of the last second. A lesser one
 * beside a better one would only cost calls.
 */
export async function openPower(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
): Promise<{ sensor: Sensor | null; refused: readonly Refused[] }> {
  const refused: Refused[] = []
  const ring = await openPowerRing(nvml, gpu, clock)
  if (ring.sensor) return { sensor: ring.sensor, refused }
  refused.push({ source: 'nvml_power_ring', reason: ring.reason })

  // Superchips may refuse the GPU's own scope and answer for the module: GPU, CPU and memory together.
  for (const scope of ['gpu', 'module'] as const) {
    const read = nvml.field(gpu.handle, FIELD.power_instant, SCOPE[scope])
    const first = powered(gpu.guarded(read))
    if (first.value !== null)
      return { sensor: polled(gpu, clock, 'nvml_power_instant', read, scope, null), refused }
    if (scope === 'gpu') refused.push({ source: 'nvml_power_instant', reason: first.reason })
  }

  const average = nvml.powerUsage(gpu.handle)
  const first = powered(gpu.guarded(average))
  if (first.value !== null)
    return { sensor: polled(gpu, clock, 'nvml_power_average', average, 'gpu', AVERAGE_MS), refused }
  refused.push({ source: 'nvml_power_average', reason: first.reason })
  return { sensor: null, refused }
}

function polled(
  gpu: NvmlDevice,
  clock: Clock,
  source: 'nvml_power_instant' | 'nvml_power_average',
  read: Reader,
  scope: 'gpu' | 'module',
  averaging_ms: number | null,
): Sensor {
  const row = sensorRow(gpu.uuid, 'gpu_power_mw', source, {
    scope,
    averaging_ms,
    period_ms: REFRESH_MS,
    accuracy: POWER_ACCURACY,
  })
  return {
    row,
    cadence: 'gauge',
    read() {
      const reading = powered(gpu.guarded(read))
      return [sampleRow(row, clock.now(), reading)]
    },
  }
}
