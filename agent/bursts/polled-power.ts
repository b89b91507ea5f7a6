import type { Device } from '../../analysis/schema/device.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { openNvml } from '../ffi/nvml.ts'
import { FIELD, SCOPE } from '../ffi/nvml-readings.ts'
import { nvmlDuty } from '../sensors/nvml-duty.ts'
import { INSTANT_REFRESH_MS } from '../sensors/nvml-power.ts'
import { POWER_ACCURACY, sensorRow } from '../sensors/nvml-reading.ts'
import { powered, sampleRow } from '../sensors/reading.ts'

const INTERVAL_MS = 100

/** Momentary power, polled at the rate at which the driver refreshes it: what other tools do. */
export interface PolledPower {
  readonly row: SensorRow
  start(clock: Clock, sink: (row: SampleRow) => void): void
  stop(): void
}

/** @returns null where the GPU does not tell its momentary power */
export async function openPolledPower(
  { device_id: uuid, model }: Device,
  nvmlPath: string | null,
): Promise<PolledPower | null> {
  const { nvml } = await openNvml(nvmlPath)
  if (nvml === null) return null
  const handle = await nvml.handleByUuid(uuid)
  // What `nvidia-smi` shows.
  const read =
    handle.value === null
      ? null
      : nvml.field({ pointer: handle.value }, FIELD.power_instant, SCOPE.gpu)
  if (read === null || read().value === null) {
    nvml.shutdown()
    return null
  }
  const row = sensorRow(uuid, 'gpu_power_mw', 'nvml_power_instant', {
    scope: 'gpu',
    averaging_ms: null,
    duty: nvmlDuty(model, 'nvml_power_instant'),
    period_ms: INTERVAL_MS,
    lag_ms: INSTANT_REFRESH_MS,
    accuracy: POWER_ACCURACY,
  })
  let timer: NodeJS.Timeout | null = null
  return {
    row,
    start(clock, sink) {
      timer = setInterval(() => sink(sampleRow(row, clock.now(), powered(read()))), INTERVAL_MS)
    },
    stop() {
      if (timer) clearInterval(timer)
      nvml.shutdown()
    },
  }
}
