import type { EnergySource } from '../estimators/energy-source.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Boundary } from '../schema/energy-timeline.ts'
import type { Reason } from '../schema/reason.ts'
import type { Component } from '../schema/summary.ts'
import type { Window } from '../window.ts'
import type { DeviceEnergy } from './device-energy.ts'
import { type RunEnergies, runEnergies } from './energy-scope.ts'
import { type Recording, recordedOf, recordedWithin } from './recorded-energy.ts'
import { none, type ScopedEnergy } from './scoped-energy.ts'

/** Joules of one device by one source. */
export interface Metered {
  readonly scope: string | null
  readonly measured: boolean
  readonly method: DeviceEnergy['method']
  readonly energy_j: number
  readonly components: readonly Component[]
  readonly origin: EnergySource | null
}

/** What the timeline is of: a span, and its joules within a boundary by device, or why there are none. */
export interface BoundaryEnergy {
  readonly window: Window
  readonly boundary: Boundary
  readonly meters: readonly Metered[]
  readonly reason: Reason | null
}

/** The counted window, its joules those of the summary. */
export function countedPart(run: RunData, window: Window, wanted: Boundary | null): BoundaryEnergy {
  const { boundary, energy } = chooseBoundary(runEnergies(run, window), wanted)
  return {
    window,
    boundary,
    reason: energy.energy_j === null ? (energy.reason ?? 'not_recorded') : null,
    meters: energy.parts.map((p) => ({
      ...p,
      energy_j: p.energy_j ?? 0,
      origin: p.chosen?.origin ?? null,
    })),
  }
}

/**
 * All that was recorded: the ledger's span, and within it the joules of each device of the boundary, those of the devices that the
 * engine computes on exactly the ledger's. null: nothing was recorded.
 */
export function recordedPart(
  run: RunData,
  window: Window,
  wanted: Boundary | null,
): BoundaryEnergy | null {
  const energies = runEnergies(run, window)
  const { boundary, energy } = chooseBoundary(energies, wanted)
  const { recordings } = recordedOf(run, energy.parts)
  const span = recordedOf(run, energies.compute.parts).span ?? recordedOf(run, energy.parts).span
  if (span === null) return null
  const amounts = recordings.map((r) => recordedWithin(r, span))
  const missing = amounts.find((a) => a.joules === null)
  const lacking = recordings.length < energy.parts.length || recordings.length === 0
  return {
    window: { ...span, rule: 'recorded' },
    boundary,
    reason: lacking ? (energy.reason ?? 'uncovered') : (missing?.reason ?? null),
    meters: amounts.flatMap((a, i): Metered[] => {
      const { source } = recordings[i] as Recording
      if (a.joules === null) return []
      const { scope, measured, method } = source
      return [{ scope, measured, method, energy_j: a.joules, components: a.parts, origin: source }]
    }),
  }
}

interface Chosen {
  readonly boundary: Boundary
  readonly energy: ScopedEnergy
}

function chooseBoundary(
  { node, total, compute, gpu, host }: RunEnergies,
  wanted: Boundary | null,
): Chosen {
  const onGpu = gpu.parts.length > 0
  const inner: Chosen = {
    boundary:
      compute.scope === 'module' || compute.scope === 'rail' ? 'gpu+cpu' : onGpu ? 'gpu' : 'cpu',
    energy: compute,
  }
  if (wanted === 'node') return { boundary: wanted, energy: node }
  // No sensor of a run sees a whole rack.
  if (wanted === 'rack') return { boundary: wanted, energy: none('not_recorded') }
  if (wanted === 'gpu') return { boundary: 'gpu', energy: gpu }
  if (wanted === 'cpu') return { boundary: 'cpu', energy: onGpu ? host : compute }
  const both: Chosen = { boundary: onGpu ? 'gpu+cpu' : 'cpu', energy: total }
  if (wanted === 'gpu+cpu') return both
  if (node.energy_j !== null) return { boundary: 'node', energy: node }
  return total.energy_j === null ? inner : both
}
