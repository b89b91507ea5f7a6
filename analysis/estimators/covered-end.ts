import type { RunData } from '../readings/run-data.ts'
import { usedDevices } from '../readings/used-devices.ts'
import { type EnergySource, energySources } from './energy-source.ts'
import { ownScopes } from './source-choice.ts'

/**
 * The last instant up to which the energy of every used device is known, ns: where the run of a killed agent ends, whose requests
 * reached the disk after its last readings of power. A device is known as long as one of its sources of power was read, of
 * counters alone up to their last reading. A device that has no source at all does not count.
 * @returns null where no used device has a source
 * Source: docs/metrics.md, "Time base and windows", row `run`.
 */
export function coveredEnd(run: RunData): number | null {
  const ends = usedDevices(run).flatMap(
    (id) => endOf(run, id) ?? endOf(run, standIn(run, id)) ?? [],
  )
  return ends.length === 0 ? null : Math.min(...ends)
}

function endOf(run: RunData, device_id: string | null): number | null {
  if (device_id === null) return null
  const all = energySources(run, device_id)
  const kind = run.devices.find((d) => d.device_id === device_id)?.kind ?? ''
  const [scope] = ownScopes(
    kind,
    all.map((s) => s.scope),
  )
  const own = all.filter((s) => s.scope === scope && lastRead(s) !== null)
  const measured = own.some((s) => s.measured) ? own.filter((s) => s.measured) : own
  const powers = measured.filter((s) => s.method !== 'counter')
  const ends = (powers.length > 0 ? powers : measured).map((s) => lastRead(s) as number)
  return ends.length === 0 ? null : Math.max(...ends)
}

/** Whose energy stands for that of a part without a sensor of its own: the whole GPU, the module of a system on a chip. */
function standIn(run: RunData, device_id: string): string | null {
  const device = run.devices.find((d) => d.device_id === device_id)
  if (device?.parent_device_id != null) return device.parent_device_id
  return run.devices.find((d) => d.kind === 'soc')?.device_id ?? null
}

function lastRead({ t_ns, value, shift_ns }: EnergySource): number | null {
  const last = value.findLastIndex(Number.isFinite)
  return last < 0 ? null : (t_ns[last] as number) - shift_ns
}
