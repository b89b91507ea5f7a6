import { setTimeout as sleep } from 'node:timers/promises'
import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import { RING } from '../ffi/nvml-readings.ts'
import type { RingSample } from '../ffi/nvml-samples.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { nvmlDuty } from './nvml-duty.ts'
import { plausiblePower } from './nvml-plausible.ts'
import { type PowerScope, powerRow, ratedPower } from './nvml-power-scope.ts'
import { sampleRow } from './reading.ts'
import type { Sensor } from './sensor.ts'

/** What the ring is known to keep to, where it holds too few samples to tell. */
const USUAL_PERIOD_MS = 20
/** A hole of more periods than this is told: the ring ran over. */
const GAP_PERIODS = 3
/** A last stamp further ahead than this was made before the wall clock was set back. */
const AHEAD_US = 1_000_000
/** A ring without a new sample for so long has stopped: it is read once a second, and holds the last 2.4 s. */
const SILENT_NS = 1e9
/** A driver that was just loaded has recorded nothing yet: so often it is asked again, so far apart. */
const TRIES = 5
const BETWEEN_TRIES_MS = 40

/**
 * The driver's own record of power, 50 means a second of 20 ms each: the best there is, and one call a second reads
 * it whole. Its stamps are wall time and are mapped onto the run clock as they are read.
 * @returns the sensor, and whether its last reading failed; or why there is no ring
 */
export async function openPowerRing(
  nvml: Nvml,
  gpu: NvmlDevice,
  clock: Clock,
  scope: PowerScope,
): Promise<{ sensor: Sensor; failing: () => boolean } | { sensor: null; reason: Reason }> {
  const readRing = nvml.powerRing(gpu.handle, RING[scope])
  const judge = plausiblePower(ratedPower(nvml, gpu, scope))
  // The first call is slow, shows how often the ring is filled, and leaves out what was before.
  let history = gpu.guarded(() => readRing(0))
  for (let tries = 1; history.value?.length === 0 && tries < TRIES; tries++) {
    await sleep(BETWEEN_TRIES_MS)
    history = gpu.guarded(() => readRing(0))
  }
  if (history.value === null) return { sensor: null, reason: history.reason }
  if (history.value.every((s) => judge(maybe(s.power_mw)).value === null))
    return { sensor: null, reason: 'unsupported' }
  const period_ms = periodOf(history.value)
  const row = powerRow(gpu, 'nvml_power_ring', scope, {
    ...{ averaging_ms: period_ms, period_ms },
    duty: nvmlDuty(gpu.device.model, 'nvml_power_ring'),
  })
  let lastStamp_us = Math.max(...history.value.map((s) => s.stamp_us))
  let last_ns = clock.fromWall(BigInt(lastStamp_us) * 1000n)

  let failing = false
  const read = (): readonly SampleRow[] => {
    const rows = readNew()
    failing = rows.length > 0 && rows.every((r) => r.value === null)
    return rows
  }
  const readNew = (): readonly SampleRow[] => {
    // The wall clock may have been set since: an anchor that knows maps what was stamped after that.
    const { wall_unix_ns } = clock.anchor()
    if (lastStamp_us > Number(BigInt(wall_unix_ns) / 1000n) + AHEAD_US) lastStamp_us = 0
    const batch = gpu.guarded(() => readRing(lastStamp_us))
    const now_ns = clock.now()
    if (batch.value === null) {
      last_ns = now_ns
      return [sampleRow(row, now_ns, batch)]
    }
    const rows: SampleRow[] = []
    const period_ns = period_ms * 1e6
    for (const { stamp_us, power_mw } of batch.value) {
      const t_ns = clock.fromWall(BigInt(stamp_us) * 1000n)
      // Seen already, out of order, or stamped by a wall clock that was set since. One from the future comes again.
      if (t_ns <= last_ns || t_ns > now_ns) continue
      lastStamp_us = stamp_us
      // What lies before the hole's end is not known, and the sample after it must not stand for it.
      if (t_ns - last_ns > GAP_PERIODS * period_ns)
        rows.push(sampleRow(row, t_ns - period_ns, unknown('gap')))
      rows.push(sampleRow(row, t_ns, judge(maybe(power_mw))))
      last_ns = t_ns
    }
    if (rows.length === 0 && now_ns - last_ns > SILENT_NS)
      rows.push(sampleRow(row, now_ns, unknown('gap')))
    return rows
  }
  return { sensor: { row, cadence: 'ring', read }, failing: () => failing }
}

const maybe = (value: number | null): Maybe =>
  value === null ? unknown('unsupported') : known(value)

/** The usual distance of the stamps, ms, to the tenth. */
function periodOf(samples: readonly RingSample[]): number {
  const gaps = samples
    .slice(1)
    .map((s, i) => s.stamp_us - (samples[i] as RingSample).stamp_us)
    .filter((gap) => gap > 0)
    .sort((a, b) => a - b)
  const median_us = gaps[Math.floor(gaps.length / 2)]
  return median_us === undefined ? USUAL_PERIOD_MS : Math.round(median_us / 100) / 10
}
