import type { Reason } from '../../analysis/schema/reason.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { Reader } from '../ffi/nvml-call.ts'
import { FIELD, SCOPE } from '../ffi/nvml-readings.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { nvmlDuty } from './nvml-duty.ts'
import { type Judge, plausiblePower } from './nvml-plausible.ts'
import {
  isSuperchip,
  POWER_SCOPES,
  type PowerScope,
  powerRow,
  ratedPower,
} from './nvml-power-scope.ts'
import { openPowerRing } from './nvml-ring.ts'
import { type Refused, sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

const AVERAGE_MS = 1000
/** The momentary value is renewed so often, and up to so old. */
export const INSTANT_REFRESH_MS = 100

/**
 * The one best source of a GPU's power: the ring, else the momentary value, else the mean of the last second. A lesser one
 * beside a better one would only cost calls, so it is read only while the ring fails. Beside the GPU's own ring a superchip's module has one, which is recorded
 * too: it is what the energy counter can be checked against.
 */
export async function openPower(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
): Promise<{ sensors: readonly Sensor[]; refused: readonly Refused[] }> {
  const refused: Refused[] = []
  const rings: Sensor[] = []
  const polledIn = (scope: PowerScope): Sensor | null => {
    for (const [source, averaging_ms, readers] of polledSources(nvml, gpu)) {
      const same = readers.filter(([of]) => of === scope)
      const found = openPolled(nvml, gpu, clock, [source, averaging_ms, same], { standby: true })
      if (found.sensor) return found.sensor
    }
    return null
  }
  for (const scope of POWER_SCOPES) {
    if (scope === 'module' && rings.length > 0 && !isSuperchip(gpu)) break
    const ring = await openPowerRing(nvml, gpu, clock, scope)
    if (ring.sensor) rings.push(withStandby(ring.sensor, ring.failing, polledIn(scope)))
    else if (scope === 'gpu') refused.push({ source: 'nvml_power_ring', reason: ring.reason })
  }
  if (rings.length > 0) return { sensors: rings, refused }

  for (const polling of polledSources(nvml, gpu)) {
    const found = openPolled(nvml, gpu, clock, polling)
    if (found.sensor) return { sensors: [found.sensor], refused }
    refused.push({ source: polling[0], reason: found.reason })
  }
  return { sensors: [], refused }
}

/** The first scope in which a polled source gives power, of those that are given. */
function openPolled(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
  [source, averaging_ms, readers]: Polled,
  more: Partial<SensorRow> = {},
): { sensor: Sensor } | { sensor: null; reason: Reason } {
  let first: Reason | null = null
  for (const [scope, read] of readers) {
    const judge = plausiblePower(ratedPower(nvml, gpu, scope))
    const reading = judge(gpu.guarded(read))
    if (reading.value !== null) {
      const duty = nvmlDuty(gpu.device.model, source)
      const lag_ms = averaging_ms ?? INSTANT_REFRESH_MS
      const row = powerRow(gpu, source, scope, { averaging_ms, duty, lag_ms, ...more })
      return { sensor: polled(gpu, clock, row, read, judge) }
    }
    first ??= reading.reason
  }
  return { sensor: null, reason: first ?? 'unsupported' }
}

/** The ring, and a gauge that is read while it fails. What that one can't read either the ring's own row says. */
function withStandby(ring: Sensor, failing: () => boolean, gauge: Sensor | null): Sensor {
  if (gauge === null) return ring
  const read = () => (gauge.read() as readonly SampleRow[]).filter((r) => r.value !== null)
  return { ...ring, standby: { sensor: { ...gauge, read }, needed: failing } }
}

type Polled = readonly [
  source: 'nvml_power_instant' | 'nvml_power_average',
  averaging_ms: number | null,
  readers: readonly (readonly [PowerScope, Reader])[],
]

function polledSources(nvml: Nvml, gpu: NvmlDevice): readonly Polled[] {
  const field = (id: number) =>
    POWER_SCOPES.map((scope) => [scope, nvml.field(gpu.handle, id, SCOPE[scope])] as const)
  return [
    ['nvml_power_instant', null, field(FIELD.power_instant)],
    // The oldest call of all has no scope: on drivers that lack the fields there are no modules.
    [
      'nvml_power_average',
      AVERAGE_MS,
      [...field(FIELD.power_average), ['gpu', nvml.powerUsage(gpu.handle)]],
    ],
  ]
}

/** The momentary power of the GPU's memory, a part of its own power; null on the many boards that have no such sensor. */
export function openMemoryPower(nvml: Nvml, gpu: NvmlDevice, clock: Clock): Sensor | null {
  const read = nvml.field(gpu.handle, FIELD.power_instant, SCOPE.memory)
  const judge = plausiblePower(ratedPower(nvml, gpu, 'gpu'))
  if (judge(gpu.guarded(read)).value === null) return null
  const row = powerRow(gpu, 'nvml_power_instant', 'memory', {}, 'gpu_memory_power_mw')
  return polled(gpu, clock, row, read, judge)
}

function polled(gpu: NvmlDevice, clock: Clock, row: SensorRow, read: Reader, judge: Judge): Sensor {
  return {
    row,
    cadence: 'gauge',
    read() {
      const reading = judge(gpu.guarded(read))
      return [sampleRow(row, clock.now(), reading)]
    },
  }
}
