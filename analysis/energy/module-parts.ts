import { energySources } from '../estimators/energy-source.ts'
import type { RunData } from '../readings/run-data.ts'

/**
 * The devices whose energies add up to that of a device that no sensor measures whole: the rails of a module.
 * null: it has a sensor of its own, or nothing says what it is made of.
 */
export function moduleParts(run: RunData, device_id: string): readonly string[] | null {
  const parts = run.devices.find((d) => d.device_id === device_id)?.made_of ?? []
  return parts.length === 0 || energySources(run, device_id).length > 0 ? null : parts
}
