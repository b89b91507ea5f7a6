import { type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import type { Amdsmi, PowerKind } from '../ffi/amdsmi.ts'
import type { EnergyCount } from '../ffi/amdsmi-values.ts'
import { type AmdGpu, powerKind } from './amdsmi-device.ts'
import { coverage, sensorRow } from './amdsmi-reading.ts'
import { powered, sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/** The firmware renews its measurements ten times a second at best, by AMD's own library. */
const REFRESH_MS = 100

/** A GPU's power in whole watts, polled: the momentary value, else the average over a span that AMD does not state. */
export function openPower(
  amdsmi: Amdsmi,
  gpu: AmdGpu,
  clock: Clock,
): { sensor: Sensor; kind: PowerKind } | { sensor: null; reason: Reason } {
  const kind = gpu.guarded(() => powerKind(amdsmi, gpu.handle))
  if (kind.value === null) return { sensor: null, reason: kind.reason }
  const read = amdsmi.power(gpu.handle, kind.value)
  const row = sensorRow(gpu, 'gpu_power_w', { ...coverage(gpu), period_ms: REFRESH_MS })
  return {
    kind: kind.value,
    sensor: {
      row,
      cadence: 'gauge',
      read() {
        const reading = powered(gpu.guarded(read))
        return [sampleRow(row, clock.now(), reading)]
      },
    },
  }
}

/**
 * The energy counter: microjoules since the driver was loaded, read at the edges of phases and stamped at the middle of the
 * call. Virtual machines have none, and on some cards it was seen to fall back: it is passed on as it stands, and
 * analysis takes no step across a fall.
 */
export async function openEnergyCounter(
  amdsmi: Amdsmi,
  gpu: AmdGpu,
  clock: Clock,
): Promise<{ sensor: Sensor; resolution_uj: number } | { sensor: null; reason: Reason }> {
  const read = amdsmi.energy(gpu.handle)
  const first = await gpu.guardedLater(read)
  const counted = microjoules(first)
  if (first.value === null || counted.value === null)
    return { sensor: null, reason: counted.reason ?? 'implausible' }
  const row = sensorRow(gpu, 'gpu_energy_uj', {
    ...coverage(gpu),
    period_ms: REFRESH_MS,
    range: null,
  })
  return {
    resolution_uj: first.value.resolution_uj,
    sensor: {
      row,
      cadence: 'edge',
      async read() {
        const before = clock.now()
        const reading = microjoules(await gpu.guardedLater(read))
        return [sampleRow(row, Math.round((before + clock.now()) / 2), reading)]
      },
    },
  }
}

function microjoules(reading: Maybe<EnergyCount>): Maybe {
  if (reading.value === null) return unknown(reading.reason)
  return powered({ value: reading.value.energy_uj, reason: null })
}
