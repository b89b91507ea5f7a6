import type { Reason } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { POWER_ACCURACY, sensorRow } from './nvml-reading.ts'
import { powered, sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/** The counter moves in steps of a tenth of a second. */
const REFRESH_MS = 100
/** Boards on which GPU, CPU and memory share one counter. */
const SUPERCHIP = /\bG[HB]\d{3}\b/

/**
 * The energy counter: millijoules since the driver was loaded. A call takes 3 ms and now and then 15, so it is read
 * only at the edges of phases, in a thread beside the event loop, and stamped at the middle of the call.
 * @returns the sensor, or why there is no counter
 */
export async function openEnergyCounter(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
): Promise<{ sensor: Sensor } | { sensor: null; reason: Reason }> {
  const readCounter = nvml.energy(gpu.handle)
  const first = powered(await gpu.guardedLater(readCounter))
  if (first.value === null) return { sensor: null, reason: first.reason }
  const row = sensorRow(gpu.uuid, 'gpu_energy_mj', 'nvml_energy', {
    scope: SUPERCHIP.test(gpu.device.model ?? '') ? 'module' : 'gpu',
    period_ms: REFRESH_MS,
    range: null,
    accuracy: POWER_ACCURACY,
  })
  return {
    sensor: {
      row,
      cadence: 'edge',
      async read() {
        const before = clock.now()
        const reading = powered(await gpu.guardedLater(readCounter))
        const after = clock.now()
        return [sampleRow(row, Math.round((before + after) / 2), reading)]
      },
    },
  }
}
