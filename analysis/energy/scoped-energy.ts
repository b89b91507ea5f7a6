import { summed } from '../estimators/uncertainty.ts'
import type { Reason } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import type { DeviceEnergy } from './device-energy.ts'

/** Energy of several devices together: a sum over distinct ones, or null with the reason of the first that lacks. */
export interface ScopedEnergy {
  readonly energy_j: number | null
  readonly reason: Reason | null
  /** False where an estimate is in it. */
  readonly measured: boolean
  readonly source: string | null
  readonly scope: string | null
  readonly components: readonly Component[]
  readonly samples: number
  readonly parts: readonly DeviceEnergy[]
}

/** What the parts leave of the whole, with the doubt of both. */
export function difference(whole: ScopedEnergy, part: ScopedEnergy): ScopedEnergy {
  if (whole.energy_j === null) return none(whole.reason ?? 'not_recorded')
  if (part.energy_j === null) return none(part.reason ?? 'not_recorded')
  return {
    ...whole,
    measured: whole.measured && part.measured,
    energy_j: whole.energy_j - part.energy_j,
    components: summed([whole.components, part.components]),
    parts: [...whole.parts, ...part.parts],
  }
}

/** The sum of distinct devices; null as soon as one is. */
export function together(parts: readonly DeviceEnergy[]): ScopedEnergy {
  const words = (of: (p: DeviceEnergy) => string | null) =>
    [...new Set(parts.map(of).filter((w) => w !== null))].join('+') || null
  const missing = parts.find((p) => p.energy_j === null)
  const base = {
    measured: parts.every((p) => p.measured),
    source: words((p) => p.source),
    scope: words((p) => p.scope),
    samples: parts.reduce((n, p) => n + p.samples, 0),
    parts,
  }
  if (missing !== undefined)
    return { ...base, energy_j: null, reason: missing.reason ?? 'uncovered', components: [] }
  return {
    ...base,
    energy_j: parts.reduce((sum, p) => sum + (p.energy_j ?? 0), 0),
    reason: null,
    components: summed(parts.map((p) => p.components)),
  }
}

/** No energy, and why. */
export const none = (reason: Reason): ScopedEnergy => ({
  energy_j: null,
  reason,
  measured: false,
  source: null,
  scope: null,
  components: [],
  samples: 0,
  parts: [],
})
