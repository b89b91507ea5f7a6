import { energySources } from '../estimators/energy-source.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Window } from '../window.ts'
import { deviceEnergy } from './device-energy.ts'
import { missingReason } from './missing-reason.ts'
import { none, type ScopedEnergy, together } from './scoped-energy.ts'

/** What may measure a whole node, or one of its power supplies. */
const METERS = ['redfish', 'ipmi', 'plug', 'acpi', 'battery']

/**
 * What the whole node drew, at the wall: by a meter of all of it, else by meters of each of its power supplies together.
 * Several meters of the node are cross-checks of each other and never added. One supply without a reading makes the sum
 * unknown; so does no meter: null, and never zero.
 * Source: docs/metrics.md, "Energy", energy_node_j.
 */
export function nodeEnergy(run: RunData, window: Window): ScopedEnergy {
  const whole = measuredAt(run, window, 'node')
  if (whole !== null && whole.energy_j !== null) return whole
  const supplies = measuredAt(run, window, 'supply')
  if (supplies === null) return whole ?? none(missingReason(run, METERS))
  const lost = missingReason(run, METERS, 'supply:')
  return lost === 'not_recorded' ? supplies : none(lost)
}

function measuredAt(run: RunData, window: Window, scope: 'node' | 'supply'): ScopedEnergy | null {
  const sources = energySources(run).filter((s) => s.scope === scope)
  const ids = new Set(sources.map((s) => s.device_id))
  return ids.size === 0
    ? null
    : together([...ids].map((id) => deviceEnergy(run, id, window, scope)))
}
