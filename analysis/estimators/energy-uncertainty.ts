import type { Component } from '../schema/summary.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { calibrationDoubt, uncalibrated } from './calibration.ts'
import type { EnergySource } from './energy-source.ts'
import { firstAbove, type PowerCurve, pieceAt, SEGMENT, wattsAt } from './power-curve.ts'

const ROOT_3 = Math.sqrt(3)
const ROOT_12 = Math.sqrt(12)

const own = (name: string, value: number): Component[] =>
  value > 0 ? [{ name, value, shared: false }] : []

/**
 * What the sensor itself may be wrong by, the same for all runs on the device: a bound on the mean power, taken as
 * evenly spread; of a calibrated one what the calibration left open.
 * @param energy_j as calibrated
 * Source: docs/metrics.md, "Energy", uncertainty, u_sensor_j.
 */
export function sensorPart(source: EnergySource, energy_j: number, seconds: number): Component {
  const { calibration } = source
  const named = { name: 'u_sensor_j', shared: true, source: source.source }
  if (calibration !== null) {
    const read_j = uncalibrated(energy_j, seconds, calibration)
    return { ...named, value: calibrationDoubt(read_j, seconds, calibration) }
  }
  const bound_w = Math.max(source.offset_w, (source.gain_rel * Math.abs(energy_j)) / seconds)
  return { ...named, value: (bound_w / ROOT_3) * seconds }
}

/** A counter's readings lag by up to one refresh at each edge; u_quantisation_j and u_edge_j of the same table. */
export function counterParts(
  source: EnergySource,
  edge_w: readonly [number, number],
  edge_j: number,
): Component[] {
  const refresh_s = source.period_ns / NS_PER_S
  return [
    ...own('u_quantisation_j', (refresh_s * Math.hypot(...edge_w)) / ROOT_12),
    ...own('u_edge_j', edge_j),
  ]
}

/**
 * What sampling leaves open: at each edge, and in each inner gap that is drawn straight, the watt step times half
 * the gap, evenly spread. Held means leave nothing open inside; a ring without idle around also loses what lags at
 * a falling edge, and a meter's readings may be old: watt step around each edge × their age, evenly spread. Source: docs/metrics.md, "Energy", uncertainty, u_edge_j, u_sampling_j, u_clock_j.
 */
export function samplingParts(
  source: EnergySource,
  curve: PowerCurve,
  start_ns: number,
  end_ns: number,
  clock_error_ns: number,
): Component[] {
  let edges = 0
  let inner = 0
  for (let i = Math.max(firstAbove(curve.edge_ns, start_ns) - 1, 0); i < curve.pieces; i++) {
    const a = curve.edge_ns[i] as number
    const b = curve.edge_ns[i + 1] as number
    if (a >= end_ns) break
    const doubt = (stepOf(curve, i, source) * ((b - a) / NS_PER_S)) / 2 / ROOT_3
    if (a < start_ns || b > end_ns) edges += doubt ** 2
    else if (source.method === 'poll' || curve.kind[i] === SEGMENT.bridged) inner += doubt ** 2
  }
  const drop_w = Math.abs((wattsAt(curve, end_ns) ?? 0) - (wattsAt(curve, start_ns) ?? 0))
  return [
    ...own('u_edge_j', Math.sqrt(edges)),
    ...own('u_sampling_j', Math.sqrt(inner)),
    ...own('u_lag_j', lagPart(source, curve, start_ns, end_ns)),
    ...own('u_clock_j', (clock_error_ns / NS_PER_S) * drop_w),
  ]
}

/** Watt step within a drawn piece, or from a held one to its neighbours. */
function stepOf(curve: PowerCurve, i: number, source: EnergySource): number {
  const from = curve.from_w[i] as number
  const to = curve.to_w[i] as number
  if (source.method === 'poll' || curve.kind[i] === SEGMENT.bridged) return Math.abs(to - from)
  const before = i > 0 ? (curve.to_w[i - 1] as number) : from
  const next = i + 1 < curve.pieces ? (curve.from_w[i + 1] as number) : to
  return Math.max(Math.abs(from - before), Math.abs(next - to))
}

/** What comes late: at the falling edge of a ring, or at both edges of a meter whose readings are old. */
function lagPart(
  source: EnergySource,
  curve: PowerCurve,
  start_ns: number,
  end_ns: number,
): number {
  if (source.method === 'ring') return lag(source, curve, start_ns, end_ns) / ROOT_3
  if (source.lag_ns === 0) return 0
  const late_s = source.lag_ns / NS_PER_S
  const step = (edge_ns: number) => span(curve, edge_ns - source.lag_ns, edge_ns + source.lag_ns)
  return (late_s * Math.hypot(step(start_ns), step(end_ns))) / ROOT_3
}

/** Highest less lowest watts between two times. */
function span(curve: PowerCurve, start_ns: number, end_ns: number): number {
  const found = extremes(curve, start_ns, end_ns)
  return found === null ? 0 : found.high - found.low
}

/** Lowest and highest watts between two times; null where nothing is known. */
function extremes(
  curve: PowerCurve,
  start_ns: number,
  end_ns: number,
): { readonly low: number; readonly high: number } | null {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = Math.max(firstAbove(curve.edge_ns, start_ns) - 1, 0); i < curve.pieces; i++) {
    if ((curve.edge_ns[i] as number) >= end_ns) break
    if (curve.kind[i] === SEGMENT.gap) continue
    low = Math.min(low, curve.from_w[i] as number, curve.to_w[i] as number)
    high = Math.max(high, curve.from_w[i] as number, curve.to_w[i] as number)
  }
  return high >= low ? { low, high } : null
}

/**
 * Bound of what is still to come in the ring when the window ends: the fall of power × (period + 6 ms). The fall is
 * from the highest the ring shows of the window's last part, which it shows that much later, to the lowest after it.
 */
function lag(source: EnergySource, curve: PowerCurve, start_ns: number, end_ns: number): number {
  if (pieceAt(curve, end_ns + 1) < 0) return 0
  const late_ns = source.period_ns + THRESHOLDS.ring_lag_s * NS_PER_S
  const after_ns = THRESHOLDS.burst_after_s * NS_PER_S
  const within = extremes(curve, Math.max(start_ns, end_ns - after_ns), end_ns + late_ns)
  const behind = extremes(curve, end_ns + late_ns, end_ns + after_ns)
  if (within === null) return 0
  // Where nothing is read after it, it may have fallen to nothing.
  return (Math.max(0, within.high - (behind?.low ?? 0)) * late_ns) / NS_PER_S
}
