import type { Reason } from '../schema/reason.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { calibrated } from './calibration.ts'
import { COUNTER_FAULTS, type CounterFault, counterFault } from './counter-fault.ts'
import type { EnergySource } from './energy-source.ts'
import { firstAbove, firstAtLeast, integrate, type PowerCurve } from './power-curve.ts'

interface Steps {
  readonly t_ns: readonly number[]
  /** As read, in the counter's own unit. */
  readonly value: readonly number[]
  /** Joules since the reading before; NaN where the counter fell without wrapping. The first is 0. */
  readonly step_j: readonly number[]
  /** Whether it moved since the reading before. */
  readonly moved: readonly boolean[]
}

/**
 * A counter's good readings, one an instant, as steps. A counter with a declared range wraps there, if the power
 * that the step then means is plausible; any other fall is a reset.
 */
export function counterSteps(
  source: Pick<EnergySource, 'factor' | 'range' | 'calibration' | 'max_w'>,
  rows: { readonly t_ns: Float64Array; readonly value: Float64Array },
): Steps {
  const t_ns: number[] = []
  const read: number[] = []
  const step_j: number[] = []
  const moved: boolean[] = []
  let last = Number.NaN
  /** A counter that began anew may by chance stand higher than before. */
  let anew = false
  for (let i = 0; i < rows.t_ns.length; i++) {
    const t = rows.t_ns[i] as number
    const value = rows.value[i] as number
    if (value === Number.NEGATIVE_INFINITY) anew = true
    if (!Number.isFinite(value) || t === t_ns.at(-1)) continue
    const seconds = (t - (t_ns.at(-1) ?? t)) / NS_PER_S
    t_ns.push(t)
    read.push(value)
    const joules = Number.isNaN(last)
      ? 0
      : anew
        ? Number.NaN
        : stepJoules(source, last, value, seconds)
    anew = false
    step_j.push(
      source.calibration === null ? joules : calibrated(joules, seconds, source.calibration),
    )
    moved.push(joules > 0)
    last = value
  }
  return { t_ns, value: read, step_j, moved }
}

function stepJoules(
  source: Pick<EnergySource, 'factor' | 'max_w' | 'range'>,
  last: number,
  now: number,
  seconds: number,
): number {
  if (now >= last) return (now - last) * source.factor
  if (source.range === null) return Number.NaN
  const joules = (now + source.range - last) * source.factor
  const most_w = Math.min(source.max_w ?? Number.POSITIVE_INFINITY, THRESHOLDS.counter_wrap_max_w)
  return joules <= most_w * seconds ? joules : Number.NaN
}

export interface CounterEnergy {
  readonly energy_j: number | null
  readonly reason: Reason | null
  /** What its readings show that is no energy; null: nothing. */
  readonly fault: CounterFault | null
  readonly samples: number
  /** Mean watts at the two bounds, and the worst error of taking them for constant up to the reading. */
  readonly edge_w: readonly [number, number]
  readonly edge_j: number
}

/**
 * Energy of a window by a counter: last less first reading at its bounds, and from reading to bound the power of
 * another source of the same device where there is one, else the counter's own mean between two readings.
 * A bound far from any reading (a window chosen later) is not guessed: `window_not_bracketed`.
 * Source: docs/metrics.md, "Energy", counter.
 */
export function counterEnergy(
  source: EnergySource,
  rows: { readonly t_ns: Float64Array; readonly value: Float64Array },
  start_ns: number,
  end_ns: number,
  power: PowerCurve | null,
): CounterEnergy {
  const steps = counterSteps(source, rows)
  const { t_ns, step_j } = steps
  const before = firstAbove(t_ns, start_ns) - 1
  const after = firstAtLeast(t_ns, end_ns)
  const none = (reason: Reason, fault: CounterFault | null = null): CounterEnergy => ({
    energy_j: null,
    reason,
    fault,
    samples: t_ns.filter((t) => t >= start_ns && t <= end_ns).length,
    edge_w: [0, 0],
    edge_j: 0,
  })
  if (t_ns.length === 0) return none('uncovered')
  const fault = counterFault(source, steps, Math.max(before, 0), Math.min(after, t_ns.length - 1))
  if (fault !== null) return none(COUNTER_FAULTS[fault], fault)
  if (before < 0 || after >= t_ns.length) return none('window_not_bracketed')
  const total_j = new Array<number>(t_ns.length).fill(0)
  for (let i = before + 1; i <= after; i++)
    total_j[i] = (total_j[i - 1] as number) + (step_j[i] as number)
  const start = edge(source, t_ns, step_j, before, start_ns, power)
  const end = edge(source, t_ns, step_j, after - 1, end_ns, power)
  if (start === null || end === null) return none('window_not_bracketed')
  return {
    energy_j:
      (total_j[end.index] as number) - (total_j[start.index] as number) + end.joules - start.joules,
    reason: null,
    fault: null,
    samples: none('stale').samples,
    edge_w: [start.watts, end.watts],
    edge_j: Math.hypot(start.doubt_j, end.doubt_j),
  }
}

/** The reading nearest to a bound between readings i and i + 1, and the joules from it to the bound (signed). */
function edge(
  source: EnergySource,
  t_ns: readonly number[],
  step_j: readonly number[],
  i: number,
  bound_ns: number,
  power: PowerCurve | null,
): { index: number; joules: number; watts: number; doubt_j: number } | null {
  const low = Math.max(Math.min(i, t_ns.length - 2), 0)
  const a = t_ns[low] as number
  const b = t_ns[low + 1] ?? a
  const pair_s = (b - a) / NS_PER_S
  const watts = pair_s > 0 ? (step_j[low + 1] as number) / pair_s : 0
  const index = bound_ns - a <= b - bound_ns ? low : low + 1
  const from = Math.min(bound_ns, t_ns[index] as number)
  const to = Math.max(bound_ns, t_ns[index] as number)
  const sign = bound_ns >= (t_ns[index] as number) ? 1 : -1
  if (to === from) return { index, joules: 0, watts, doubt_j: 0 }
  const distance_s = (to - from) / NS_PER_S
  const patch = power === null ? null : integrate(power, from, to)
  if (patch?.bracketed && patch.gap_s === 0 && distance_s <= THRESHOLDS.bridge_s)
    return { index, joules: sign * patch.energy_j, watts: patch.energy_j / distance_s, doubt_j: 0 }
  if (pair_s > THRESHOLDS.bridge_s && to - from > source.period_ns) return null
  const next = (k: number) => {
    const s = ((t_ns[k + 1] ?? 0) - (t_ns[k] ?? 0)) / NS_PER_S
    return k >= 0 && k + 1 < t_ns.length && s > 0 ? (step_j[k + 1] as number) / s : watts
  }
  const step_w = Math.max(Math.abs(next(low - 1) - watts), Math.abs(next(low + 1) - watts))
  const safe_w = Number.isFinite(step_w) ? step_w : 0
  return {
    index,
    joules: sign * watts * distance_s,
    watts,
    doubt_j: (safe_w * distance_s) / Math.sqrt(3),
  }
}
