import { curveOf, drawnCurveOf } from '../estimators/energy-curve.ts'
import { estimate } from '../estimators/energy-estimate.ts'
import type { EnergySource } from '../estimators/energy-source.ts'
import { integrate, type PowerCurve } from '../estimators/power-curve.ts'
import { repeatable } from '../estimators/uncertainty.ts'
import type { BurstForm } from '../schema/bursts.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { BurstSpan } from './burst-spans.ts'

/** The sources of one device that bursts are judged by; null: not recorded. */
export interface BurstSources {
  readonly ring: EnergySource
  readonly polled: EnergySource | null
  readonly counter: EnergySource | null
  readonly temperature: { readonly t_ns: Float64Array; readonly value: Float64Array } | null
}

/** One burst's joules by one form. `doubt_j`: half its stated range, without what all runs on the device share. */
export interface BurstEnergy {
  readonly energy_j: number
  readonly doubt_j: number | null
}

export interface MeasuredBurst {
  readonly span: BurstSpan
  /** Mean watts just before and just after. */
  readonly idle_w: readonly [number, number] | null
  /** Of the device when it began, degrees Celsius. */
  readonly temperature_c: number | null
  readonly energies: Readonly<Record<BurstForm, BurstEnergy | null>>
}

const BEFORE_NS = THRESHOLDS.burst_before_s * NS_PER_S
const AFTER_NS = THRESHOLDS.burst_after_s * NS_PER_S
/** How much of the idle time on either side is looked at: near enough to be the burst's own. */
const LOOK_NS = NS_PER_S
/** Idle power needs so many periods of the ring. */
const IDLE_PERIODS = 2

/**
 * One burst by every form: the ring with idle around, the ring and the polls over the burst alone, and the counter
 * from a reading in the gap before to one in the gap after, less what idle took of that.
 * Source: docs/measuring.md, "Bursts"; docs/metrics.md, "Energy", primitives.
 */
export function burstEnergy(
  span: BurstSpan,
  { ring, polled, counter, temperature }: BurstSources,
  clock_error_ns: number,
): MeasuredBurst {
  const { begin_ns, end_ns, idle_from_ns, idle_to_ns } = span
  const from = Math.max(idle_from_ns + AFTER_NS, begin_ns - BEFORE_NS - LOOK_NS)
  const to = Math.min(idle_to_ns - BEFORE_NS, end_ns + AFTER_NS + LOOK_NS)
  const curve = curveOf(ring, from, to)
  const least_ns = IDLE_PERIODS * ring.period_ns
  const before_w = meanWatts(curve, from, begin_ns - BEFORE_NS, least_ns)
  const after_w = meanWatts(curve, end_ns + AFTER_NS, to, least_ns)
  const idle_w: [number, number] | null =
    before_w === null || after_w === null ? null : [before_w, after_w]
  const window = { start_ns: begin_ns, end_ns }
  return {
    span,
    idle_w,
    temperature_c: temperature === null ? null : latest(temperature, begin_ns),
    energies: {
      ring_padded: padded(drawnCurveOf(ring, from, to), span, idle_w),
      ring_window: alone(ring, window, clock_error_ns),
      polled: polled === null ? null : alone(polled, window, clock_error_ns),
      counter: counter === null || idle_w === null ? null : gapToGap(counter, span, idle_w),
    },
  }
}

/** The last good reading up to a time. */
function latest(
  { t_ns, value }: { readonly t_ns: Float64Array; readonly value: Float64Array },
  at_ns: number,
): number | null {
  const i = t_ns.findLastIndex((t, j) => t <= at_ns && Number.isFinite(value[j]))
  return i < 0 ? null : (value[i] as number)
}

/** Mean power of what a curve covers without holes; null where it does not, or over less than `least_ns`. */
function meanWatts(
  curve: PowerCurve,
  start_ns: number,
  end_ns: number,
  least_ns: number,
): number | null {
  const found = integrate(curve, start_ns, end_ns)
  if (found.covered_s * NS_PER_S < least_ns || found.bridged_s + found.gap_s > 0) return null
  return found.energy_j / found.covered_s
}

function padded(
  curve: PowerCurve,
  { begin_ns, end_ns }: BurstSpan,
  idle_w: readonly [number, number] | null,
): BurstEnergy | null {
  const found = integrate(curve, begin_ns - BEFORE_NS, end_ns + AFTER_NS)
  if (idle_w === null || !found.bracketed || found.gap_s + found.bridged_s > 0) return null
  const { burst_before_s, burst_after_s } = THRESHOLDS
  const idle_j = idle_w[0] * burst_before_s + idle_w[1] * burst_after_s
  return { energy_j: found.energy_j - idle_j, doubt_j: null }
}

function alone(
  source: EnergySource,
  window: { readonly start_ns: number; readonly end_ns: number },
  clock_error_ns: number,
): BurstEnergy | null {
  const { energy_j, components } = estimate(source, window, clock_error_ns, null)
  return energy_j === null ? null : { energy_j, doubt_j: 2 * repeatable(components) }
}

/** Two readings of the counter no further apart than this, the second one more, have caught its step. */
const STEP_NS = 40_000_000

/** What the counter showed, when, and by how much that time may be wrong; null: by up to its period. */
interface CounterReading {
  readonly t_ns: number
  readonly value: number
  readonly error_ns: number | null
}

/** Readings of a gap in time; where some caught the counter as it stepped, these alone. */
function gapReadings(
  { t_ns, value }: EnergySource,
  from_ns: number,
  to_ns: number,
): readonly CounterReading[] {
  const at: CounterReading[] = []
  for (let i = 0; i < t_ns.length; i++) {
    const [t, v] = [t_ns[i] as number, value[i] as number]
    if (t >= from_ns && t <= to_ns && Number.isFinite(v))
      at.push({ t_ns: t, value: v, error_ns: null })
  }
  const steps = at.flatMap((now, i): CounterReading[] => {
    const last = at[i - 1]
    const apart_ns = last === undefined ? Number.POSITIVE_INFINITY : now.t_ns - last.t_ns
    return last !== undefined && now.value > last.value && apart_ns <= STEP_NS
      ? [{ t_ns: now.t_ns - apart_ns / 2, value: now.value, error_ns: apart_ns / 2 }]
      : []
  })
  return steps.length > 0 ? steps : at
}

/**
 * The counter from the gap before to the gap after, less what idle took of that. Where it was caught as it stepped in
 * both, `doubt_j` is what idle takes while the times of the steps may be wrong; else it may be wrong by a step, which
 * only the mean of many bursts evens out: readings of neighbouring bursts are shared, so the first and the last count.
 */
function gapToGap(
  counter: EnergySource,
  { begin_ns, end_ns, idle_from_ns, idle_to_ns }: BurstSpan,
  idle_w: readonly [number, number],
): BurstEnergy | null {
  // A reading that another burst reaches into tells of that one too; a counter that fell was reset.
  const before = gapReadings(counter, idle_from_ns + AFTER_NS, begin_ns).at(-1)
  const after = gapReadings(counter, end_ns + AFTER_NS, idle_to_ns)[0]
  if (before === undefined || after === undefined || after.value < before.value) return null
  const idle_j = (before_ns: number, after_ns: number) =>
    (idle_w[0] * before_ns + idle_w[1] * after_ns) / NS_PER_S
  return {
    energy_j:
      (after.value - before.value) * counter.factor -
      idle_j(begin_ns - before.t_ns, after.t_ns - end_ns),
    doubt_j:
      before.error_ns === null || after.error_ns === null
        ? null
        : idle_j(before.error_ns, after.error_ns),
  }
}
