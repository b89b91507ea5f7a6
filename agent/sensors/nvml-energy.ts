import { type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { aboveZero } from './nvml-plausible.ts'
import { isSuperchip } from './nvml-power-scope.ts'
import { POWER_ACCURACY, sensorRow } from './nvml-reading.ts'
import { sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/** The counter moves in steps of a tenth of a second. */
const REFRESH_MS = 100
/**
 * The energy counter: millijoules since the driver was loaded. A call takes 3 ms and now and then 15, so it is read
 * only at the edges of phases, in a thread beside the event loop, and stamped at the middle of the call. A GPU that was
 * lost and is back counts from zero again: a row with the reason `counter_reset` parts the two.
 * @returns the sensor, or why there is no counter
 */
export async function openEnergyCounter(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
): Promise<{ sensor: Sensor } | { sensor: null; reason: Reason }> {
  const readCounter = nvml.energy(gpu.handle)
  const first = aboveZero(await gpu.guardedLater(readCounter))
  if (first.value === null) return { sensor: null, reason: first.reason }
  const row = sensorRow(gpu.uuid, 'gpu_energy_mj', 'nvml_energy', {
    scope: isSuperchip(gpu) ? 'module' : 'gpu',
    period_ms: REFRESH_MS,
    range: null,
    accuracy: POWER_ACCURACY,
  })
  let returns = gpu.returns()
  return {
    sensor: {
      row,
      cadence: 'edge',
      async read() {
        const before = clock.now()
        const reading = aboveZero(await gpu.guardedLater(readCounter))
        const after = clock.now()
        const rows = [sampleRow(row, Math.round((before + after) / 2), reading)]
        if (reading.value === null || gpu.returns() === returns) return rows
        returns = gpu.returns()
        return [sampleRow(row, before - 1, unknown('counter_reset')), ...rows]
      },
    },
  }
}
