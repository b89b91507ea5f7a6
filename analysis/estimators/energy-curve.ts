import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { calibrated } from './calibration.ts'
import { counterSteps } from './energy-counter.ts'
import { type EnergySource, rowsAround } from './energy-source.ts'
import { curveBuilder, type PowerCurve, SEGMENT } from './power-curve.ts'
import { pollCurve } from './power-poll.ts'
import { ringCurve } from './power-ring.ts'

/**
 * Power of one source over a span and a little around it. A counter gives the mean power between its readings.
 * Source: docs/metrics.md, "Energy", primitives.
 */
export function curveOf(source: EnergySource, start_ns: number, end_ns: number): PowerCurve {
  const rows = rowsAround(source, start_ns + source.shift_ns, end_ns + source.shift_ns)
  if (source.method === 'counter') return counterCurve(source, rows)
  const { calibration } = source
  const watts = rows.value.map((v) =>
    calibration === null ? v * source.factor : calibrated(v * source.factor, 1, calibration),
  )
  if (source.method === 'poll')
    return pollCurve(
      source.shift_ns === 0 ? rows.t_ns : rows.t_ns.map((t) => t - source.shift_ns),
      watts,
      source.period_ns,
    )
  const longest =
    source.method === 'ring'
      ? THRESHOLDS.ring_gap_periods * source.period_ns
      : THRESHOLDS.bridge_s * NS_PER_S
  return ringCurve(rows.t_ns, watts, source.period_ns, longest)
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
