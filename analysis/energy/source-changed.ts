import type { EnergyEstimate } from '../estimators/energy-estimate.ts'
import type { Finding } from '../schema/finding.ts'
import { REASONS } from '../schema/reason.ts'
import { NS_PER_S } from '../schema/units.ts'
import type { EnergyFacts } from './energy-facts.ts'

/**
 * A better source of power than the chosen one that was read over a part of the window only: what took its place, and for how
 * long. The change is priced: each source has its own uncertainty, and so has the time between two of them.
 * Source: docs/metrics.md, "Validity", source_changed.
 */
export function sourceChanged(energy: EnergyFacts): Finding[] {
  const { chosen, device_id, seconds } = energy
  if (chosen === null || !chosen.measured) return []
  const better = energy.estimates
    .slice(0, energy.estimates.indexOf(chosen))
    .find((e) => e.method !== 'counter' && e.energy_j === null && e.covered_s > 0)
  if (better === undefined) return []
  const why = better.reason === null ? '' : ` (${REASONS[better.reason]})`
  return [
    {
      code: 'source_changed',
      severity: 'info',
      message: `${better.source} of ${device_id} was read for ${better.covered_s.toFixed(1)} of the window's ${seconds.toFixed(1)} s only${why}: ${instead(chosen)}. llem-agent doctor shows which sources can be read.`,
      evidence: {
        device_id,
        source: better.source,
        reason: better.reason,
        covered_s: better.covered_s,
        window_s: seconds,
        bridged_s: chosen.bridged_s,
        parts: partsOf(chosen, seconds),
      },
    },
  ]
}

const secondsOf = (p: { readonly start_ns: number; readonly end_ns: number }): number =>
  (p.end_ns - p.start_ns) / NS_PER_S

/** Joules and seconds of the window by source, in order of time; source null: bridged. */
const partsOf = (chosen: EnergyEstimate, seconds: number) =>
  chosen.parts?.map((p) => ({
    source: p.source?.source ?? null,
    seconds: secondsOf(p),
    energy_j: p.energy_j,
  })) ?? [{ source: chosen.source, seconds, energy_j: chosen.energy_j }]

function instead(chosen: EnergyEstimate): string {
  if (chosen.parts === undefined)
    return `${chosen.source}, which covers all of it, is taken instead`
  const held = new Map<string | null, number>()
  for (const p of chosen.parts) {
    const name = p.source?.source ?? null
    held.set(name, (held.get(name) ?? 0) + secondsOf(p))
  }
  const each = [...held].map(([name, s]) =>
    name === null
      ? `${s.toFixed(1)} s are bridged by a straight line`
      : `${name} gives ${s.toFixed(1)} s`,
  )
  return each.join(', ')
}
