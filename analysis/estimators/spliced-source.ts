import type { EnergySource } from './energy-source.ts'

/**
 * Several sources of one device's power as one, each read where no better one is: for a window that none covers alone, since a
 * source failed in the middle of it. Its error is bounded by that of its worst member. Its curve is that of its members together
 * (`curveOf`); its own readings are those of the best.
 * @param ordered sources of one device and scope, best first; counters and estimates are no members
 * @returns null where fewer than two can be members
 */
export function splicedSource(ordered: readonly EnergySource[]): EnergySource | null {
  const members = ordered.filter((s) => s.measured && (s.method === 'ring' || s.method === 'poll'))
  const best = members[0]
  if (best === undefined || members.length < 2) return null
  const most = (of: (s: EnergySource) => number) => Math.max(...members.map(of))
  const duties = members.map((s) => s.duty)
  return {
    ...best,
    source: [...new Set(members.map((s) => s.source))].join('+'),
    method: 'splice',
    members,
    period_ns: most((s) => Math.max(s.period_ns, 2 * s.shift_ns)),
    lag_ns: most((s) => s.lag_ns),
    gain_rel: most((s) => s.gain_rel),
    offset_w: most((s) => s.offset_w),
    duty: duties.includes(null) ? null : Math.min(...duties.map((d) => d ?? 1)),
    calibration: null,
    calibrated: members.every((s) => s.calibrated),
  }
}
