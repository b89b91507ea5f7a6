import type { Component } from '../schema/summary.ts'
import { NS_PER_S } from '../schema/units.ts'
import { curveOf } from './energy-curve.ts'
import type { EnergySource } from './energy-source.ts'
import { samplingParts, sensorPart } from './energy-uncertainty.ts'
import { firstAbove, integrate, type PowerCurve, SEGMENT } from './power-curve.ts'
import { splicedCurve } from './spliced-curve.ts'
import { summed } from './uncertainty.ts'

/** What one source gives of a window; null: nothing was read, and the line between its neighbours stands. */
export interface SplicedPart {
  readonly source: EnergySource | null
  readonly start_ns: number
  readonly end_ns: number
  readonly energy_j: number
}

export interface SplicedEnergy {
  /** The whole, as the sources follow each other in time. */
  readonly curve: PowerCurve
  readonly parts: readonly SplicedPart[]
  readonly components: readonly Component[]
}

/**
 * A window by several sources: what each gives of it, with its own uncertainty, and what is bridged between two of them, with the
 * watt step × its seconds.
 * @param margin_ns how far beyond the window readings are looked at
 * Source: docs/metrics.md, "Energy", choice, and uncertainty, u_bridge_j.
 */
export function splicedEnergy(
  members: readonly EnergySource[],
  start_ns: number,
  end_ns: number,
  margin_ns: number,
  clock_error_ns: number,
): SplicedEnergy {
  const curves = members.map((m) => curveOf(m, start_ns - margin_ns, end_ns + margin_ns))
  const { curve, owner } = splicedCurve(curves)
  const parts = partsOf(curve, owner, members, start_ns, end_ns)
  const components = parts.map(({ source, ...part }): Component[] => {
    if (source === null) return bridge(curve, part.start_ns, part.end_ns)
    const own = curves[members.indexOf(source)] as PowerCurve
    return [
      sensorPart(source, part.energy_j, (part.end_ns - part.start_ns) / NS_PER_S),
      ...samplingParts(source, own, part.start_ns, part.end_ns, clock_error_ns),
    ]
  })
  return { curve, parts, components: summed(components) }
}

/** The window cut where its source changes. */
function partsOf(
  curve: PowerCurve,
  owner: readonly number[],
  members: readonly EnergySource[],
  start_ns: number,
  end_ns: number,
): SplicedPart[] {
  const parts: SplicedPart[] = []
  let last = Number.NaN
  for (let i = Math.max(firstAbove(curve.edge_ns, start_ns) - 1, 0); i < curve.pieces; i++) {
    const from = Math.max(curve.edge_ns[i] as number, start_ns)
    const to = Math.min(curve.edge_ns[i + 1] as number, end_ns)
    if (to <= from) continue
    const source = members[owner[i] as number] ?? null
    const known = owner[i] === last ? parts.pop() : undefined
    const begin = known?.start_ns ?? from
    parts.push({ source, start_ns: begin, end_ns: to, energy_j: 0 })
    last = owner[i] as number
  }
  return parts.map((p) => ({ ...p, energy_j: integrate(curve, p.start_ns, p.end_ns).energy_j }))
}

/** The watt step over all of a hole × the seconds of it that lie in the window. */
function bridge(curve: PowerCurve, start_ns: number, end_ns: number): Component[] {
  const i = Math.max(firstAbove(curve.edge_ns, start_ns) - 1, 0)
  if (curve.kind[i] === SEGMENT.gap) return []
  const step_w = Math.abs((curve.to_w[i] as number) - (curve.from_w[i] as number))
  const value = step_w * ((end_ns - start_ns) / NS_PER_S)
  return value > 0 ? [{ name: 'u_bridge_j', value, shared: false }] : []
}
