import type { DeviceEnergy } from '../energy/device-energy.ts'
import { curveOf } from '../estimators/energy-curve.ts'
import type { EnergySource } from '../estimators/energy-source.ts'
import { firstAbove, type PowerCurve, SEGMENT } from '../estimators/power-curve.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import type { Window } from '../window.ts'

/** Power of one device by its chosen source, with its running sum: any span's energy is two look-ups. */
export interface JouleCurve {
  readonly source: EnergySource
  readonly curve: PowerCurve
  /** Joules from the curve's start to each edge. */
  readonly upTo_j: Float64Array
  /** The shortest time that the source tells apart. */
  readonly resolution_ns: number
}

/** One curve a device, of the source that its energy was chosen from, a little longer than the window. */
export function jouleCurves(parts: readonly DeviceEnergy[], window: Window): JouleCurve[] {
  const margin_ns = THRESHOLDS.burst_after_s * NS_PER_S
  return parts.flatMap((part) => {
    const source = part.chosen?.origin
    if (source === undefined) return []
    const curve = curveOf(source, window.start_ns - margin_ns, window.end_ns + margin_ns)
    return [{ source, curve, upTo_j: runningSum(curve), resolution_ns: resolution(source, curve) }]
  })
}

/** Joules of all the devices within a span. */
export const joulesWithin = (curves: readonly JouleCurve[], start_ns: number, end_ns: number) =>
  joulesTo(curves, end_ns) - joulesTo(curves, start_ns)

/** Joules of all the devices from their curves' starts to an instant. */
export function joulesTo(curves: readonly JouleCurve[], t_ns: number): number {
  let energy_j = 0
  for (const c of curves) energy_j += deviceTo(c, t_ns)
  return energy_j
}

function runningSum(curve: PowerCurve): Float64Array {
  const upTo_j = new Float64Array(curve.pieces + 1)
  for (let i = 0; i < curve.pieces; i++)
    upTo_j[i + 1] = (upTo_j[i] as number) + withinPiece(curve, i, curve.edge_ns[i + 1] as number)
  return upTo_j
}

/** Joules from a piece's start to an instant in it. */
function withinPiece(curve: PowerCurve, i: number, t_ns: number): number {
  if (curve.kind[i] === SEGMENT.gap) return 0
  const a = curve.edge_ns[i] as number
  const from = curve.from_w[i] as number
  const slope = ((curve.to_w[i] as number) - from) / ((curve.edge_ns[i + 1] as number) - a)
  return ((from + (slope * (t_ns - a)) / 2) * (t_ns - a)) / NS_PER_S
}

function deviceTo({ curve, upTo_j }: JouleCurve, t_ns: number): number {
  const i = firstAbove(curve.edge_ns, t_ns) - 1
  if (i < 0) return 0
  if (i >= curve.pieces) return upTo_j[curve.pieces] as number
  return (upTo_j[i] as number) + withinPiece(curve, i, t_ns)
}

/**
 * A counter tells no more than its readings, a running average no more than the span that it averages. A period that
 * is stated far below the distance of the readings is not believed.
 */
function resolution(source: EnergySource, curve: PowerCurve): number {
  const { pieces, edge_ns } = curve
  const first_ns = edge_ns[0] as number
  const spacing_ns = pieces > 0 ? ((edge_ns[pieces] as number) - first_ns) / pieces : 0
  const read_ns = source.method === 'counter' ? spacing_ns : spacing_ns / 2
  return Math.max(source.period_ns, 2 * source.shift_ns, read_ns)
}
