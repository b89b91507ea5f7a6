import { setTimeout as sleep } from 'node:timers/promises'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import { openNvml } from '../ffi/nvml.ts'
import { powered, sampleRow } from '../sensors/reading.ts'

/** Two of the counter's periods: one that has not moved by then stands still. */
const LONGEST_MS = 250

/** The energy counter of one GPU, caught as it steps. */
export interface SteppedCounter {
  /**
   * Reads the counter until it steps, and tells the last reading before and the first after: a step is a tenth of a
   * second, and what it shows is of the instant of the step. For the gaps between bursts only, since a call takes 3 ms.
   */
  catchStep(clock: Clock, sink: (row: SampleRow) => void): Promise<void>
  stop(): void
}

/** @returns null where the GPU has no counter */
export async function openSteppedCounter(
  row: SensorRow,
  nvmlPath: string | null,
): Promise<SteppedCounter | null> {
  const { nvml } = await openNvml(nvmlPath)
  if (nvml === null) return null
  const handle = await nvml.handleByUuid(row.device_id)
  if (handle.value === null) {
    nvml.shutdown()
    return null
  }
  const energy = nvml.energy({ pointer: handle.value })
  async function reading(clock: Clock): Promise<SampleRow> {
    const before = clock.now()
    const value = powered(await energy())
    return sampleRow(row, Math.round((before + clock.now()) / 2), value)
  }
  return {
    async catchStep(clock, sink) {
      const until = clock.now() + LONGEST_MS * 1e6
      let last = await reading(clock)
      for (;;) {
        // A driver that answers at once must not be asked a million times.
        await sleep(1)
        const next = await reading(clock)
        if (next.value !== last.value || next.t_ns > until) {
          sink(last)
          sink(next)
          return
        }
        last = next
      }
    },
    stop: () => nvml.shutdown(),
  }
}
