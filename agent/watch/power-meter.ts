import type { SampleRow } from '../../analysis/schema/stream.ts'
import type { PowerSource } from './power-source.ts'

/** Longer holes in a power reading are not filled: the joules in them are not known. */
const BRIDGE_NS = 3e9

/** Joules and mean watts of one device by the best of its sources that reads. */
export interface PowerMeter {
  take(row: Pick<SampleRow, 't_ns' | 'sensor_id' | 'value' | 'reason'>): void
  /** The source that stands now; null: the device has none. */
  source(): string | null
  /** Mean since the last call; where nothing came since, as it was; null where no source reads. */
  power_w(): number | null
  energy_j(): number | null
  /** Why there is no power; null: there is, or nothing was read yet. */
  reason(): string | null
}

/**
 * A power reading holds back to the one before it, as a ring's mean does, whichever source that was of. While the best source
 * fails the next takes over, until the better one reads again.
 * @param sources best first
 */
export function createPowerMeter(sources: readonly PowerSource[]): PowerMeter {
  /** Of each source why its last reading failed; null: it did not. Absent: not read yet. */
  const failures = new Map<string, string | null>()
  const counts = new Map<string, number>()
  let active = 0
  let covered_to: number | null = null
  let joules: number | null = null
  let covered_ns = 0
  let shown = { joules: 0, covered_ns: 0, power_w: null as number | null }

  /** Joules since the device was covered to; null: not known. */
  const rise = (source: PowerSource, from_ns: number, t_ns: number, value: number) => {
    if (!source.counter)
      return t_ns - from_ns > BRIDGE_NS ? null : (value * source.factor * (t_ns - from_ns)) / 1e9
    const before = counts.get(source.sensor_id)
    if (before === undefined) return null
    const more = value - before
    if (more >= 0) return more * source.factor
    return source.range === null ? null : (more + source.range) * source.factor
  }
  const add = (source: PowerSource, t_ns: number, value: number) => {
    if (covered_to !== null && t_ns <= covered_to) return
    const more = covered_to === null ? null : rise(source, covered_to, t_ns, value)
    if (more !== null && covered_to !== null) {
      joules = (joules ?? 0) + more
      covered_ns += t_ns - covered_to
    } else if (!source.counter) shown = { ...shown, power_w: value * source.factor }
    covered_to = t_ns
    if (source.counter) counts.set(source.sensor_id, value)
  }
  return {
    take({ t_ns, sensor_id, value, reason }) {
      const k = sources.findIndex((s) => s.sensor_id === sensor_id)
      const source = sources[k]
      if (source === undefined) return
      failures.set(source.sensor_id, value == null ? (reason ?? 'not_recorded') : null)
      // The best that reads; where none does, the best says why.
      const reads = sources.findIndex((s) => failures.get(s.sensor_id) === null)
      const before = active
      active = reads >= 0 ? reads : 0
      if (active !== before) counts.clear()
      if (value != null && k === active) add(source, t_ns, value)
    },
    source: () => sources[active]?.source ?? null,
    reason: () => {
      const source = sources[active]
      return source === undefined ? 'not_recorded' : (failures.get(source.sensor_id) ?? null)
    },
    energy_j: () => joules,
    power_w() {
      const source = sources[active]
      if (source === undefined || (failures.get(source.sensor_id) ?? null) !== null) return null
      const seconds = (covered_ns - shown.covered_ns) / 1e9
      if (seconds > 0)
        shown = {
          joules: joules ?? 0,
          covered_ns,
          power_w: ((joules ?? 0) - shown.joules) / seconds,
        }
      return shown.power_w
    },
  }
}
