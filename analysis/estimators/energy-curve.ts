import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { calibrated } from './calibration.ts'
import { counterSteps } from './energy-counter.ts'
import { type EnergySource, rowsAround } from './energy-source.ts'
import { curveBuilder, type PowerCurve, SEGMENT } from './power-curve.ts'
import { pollCurve } from './power-poll.ts'
import { ringCurve } from './power-ring.ts'
import { splicedCurve } from './spliced-curve.ts'

/**
 * Power of one source over a span and a little around it. A counter gives the mean power between its readings.
 * Source: docs/metrics.md, "Energy", primitives.
 */
export function curveOf(source: EnergySource, start_ns: number, end_ns: number): PowerCurve {
  if (source.members !== undefined)
    return splicedCurve(source.members.map((m) => curveOf(m, start_ns, end_ns))).curve
  const rows = rowsAround(source, start_ns + source.shift_ns, end_ns + source.shift_ns)
  if (source.method === 'counter') return counterCurve(source, rows)
  if (source.method === 'poll')
    return pollCurve(
      source.shift_ns === 0 ? rows.t_ns : rows.t_ns.map((t) => t - source.shift_ns),
      wattsOf(source, rows),
      source.period_ns,
    )
  const longest =
    source.method === 'ring'
      ? THRESHOLDS.ring_gap_periods * source.period_ns
      : THRESHOLDS.bridge_s * NS_PER_S
  return ringCurve(rows.t_ns, wattsOf(source, rows), source.period_ns, longest)
}

/**
 * The same of a ring, drawn straight between its readings, each in the middle of the period that it is the mean of. A
 * driver stamps them 7 to 45 ms apart, each still the mean of the 20 ms before: held over its distance, one at a leap of
 * power counts for half as much or for twice. Leaps are smeared by a period, so not for a window's own edges.
 * Source: docs/metrics.md, "Energy", burst.
 */
export function drawnCurveOf(source: EnergySource, start_ns: number, end_ns: number): PowerCurve {
  const half_ns = source.period_ns / 2
  const rows = rowsAround(source, start_ns + half_ns, end_ns + half_ns)
  return pollCurve(
    rows.t_ns.map((t) => t - half_ns),
    wattsOf(source, rows),
    source.period_ns,
  )
}

function wattsOf(
  { factor, calibration }: EnergySource,
  { value }: { readonly value: Float64Array },
): Float64Array {
  return value.map((v) =>
    calibration === null ? v * factor : calibrated(v * factor, 1, calibration),
  )
}

function counterCurve(
  source: EnergySource,
  rows: { t_ns: Float64Array; value: Float64Array },
): PowerCurve {
  const { t_ns, step_j } = counterSteps(source, rows)
  const builder = curveBuilder(t_ns[0] ?? 0, Math.max(t_ns.length - 1, 0))
  for (let i = 1; i < t_ns.length; i++) {
    const seconds = ((t_ns[i] as number) - (t_ns[i - 1] as number)) / NS_PER_S
    const watts = (step_j[i] as number) / seconds
    const fell = Number.isNaN(watts)
    builder.add(
      t_ns[i] as number,
      fell ? 0 : watts,
      fell ? 0 : watts,
      fell ? SEGMENT.gap : SEGMENT.measured,
    )
  }
  return builder.done()
}
