import { energySources } from '../estimators/energy-source.ts'
import type { RunData } from '../readings/run-data.ts'
import { isRemote, usedDevices } from '../readings/used-devices.ts'
import type { Reason } from '../schema/reason.ts'
import type { Window } from '../window.ts'
import { type DeviceEnergy, deviceEnergy } from './device-energy.ts'
import { nodeEnergy } from './energy-node.ts'
import { missingReason } from './missing-reason.ts'
import { moduleParts } from './module-parts.ts'
import { difference, none, type ScopedEnergy, together } from './scoped-energy.ts'

export interface RunEnergies {
  /** Every recorded device's own energy, used or not. */
  readonly devices: readonly DeviceEnergy[]
  readonly used: ReadonlySet<string>
  readonly gpu: ScopedEnergy
  readonly compute: ScopedEnergy
  readonly host: ScopedEnergy
  readonly total: ScopedEnergy
  readonly node: ScopedEnergy
  readonly overhead: ScopedEnergy
}

/**
 * The energies of a window by scope. What the engine computes on is its GPUs, or the package and its memory, or the
 * host estimate where nothing better is there; an estimate never enters host and total.
 * Source: docs/metrics.md, "Energy".
 */
export function runEnergies(run: RunData, window: Window): RunEnergies {
  const ids = new Set([
    ...run.devices.map((d) => d.device_id),
    ...energySources(run).map((s) => s.device_id),
  ])
  const devices = [...ids].map((id) => deviceEnergy(run, id, window))
  const used = new Set(usedDevices(run))
  const gpu = gpuEnergy(run, window, used)
  const host = hostEnergy(run, window)
  const total = addHost(run, window, gpu, host)
  const node = nodeEnergy(run, window)
  return {
    devices,
    used,
    gpu,
    compute: computeEnergy(run, window, used, gpu),
    host,
    total,
    node,
    overhead: difference(node, total),
  }
}

/** What the engine computes on, alone: for windows other than the summary's own. */
export function computeEnergyOf(run: RunData, window: Window): ScopedEnergy {
  const used = new Set(usedDevices(run))
  return computeEnergy(run, window, used, gpuEnergy(run, window, used))
}

function gpuEnergy(run: RunData, window: Window, used: ReadonlySet<string>): ScopedEnergy {
  const gpus = [...used].filter((id) => isGpu(run, id)).map((id) => measurable(run, id))
  if (gpus.length === 0) return none(nobody(run))
  return together([...new Set(gpus)].flatMap((id) => wholeOf(run, id, window)))
}

function computeEnergy(
  run: RunData,
  window: Window,
  used: ReadonlySet<string>,
  gpu: ScopedEnergy,
): ScopedEnergy {
  if (gpu.parts.length > 0) return gpu
  if (used.size === 0) return none(nobody(run))
  const parts = cpuParts(run, window, (id) => belongs(run, id, used))
  if (parts.length === 0) return together([...used].flatMap((id) => wholeOf(run, id, window)))
  // An estimate stands for the whole processor: measured memory is not added to it.
  const packages = parts.filter((p) => p.scope !== 'dram')
  const estimated = packages.some((p) => p.energy_j !== null && !p.measured)
  return together(estimated ? packages : parts)
}

/** A device by its own sensor, or by the parts that it is made of. */
const wholeOf = (run: RunData, device_id: string, window: Window): DeviceEnergy[] =>
  (moduleParts(run, device_id) ?? [device_id]).map((id) => deviceEnergy(run, id, window))

/** A package that is used, its memory, and memory that names no package. */
function belongs(run: RunData, device_id: string, used: ReadonlySet<string>): boolean {
  if (used.has(device_id)) return true
  const device = run.devices.find((d) => d.device_id === device_id)
  if (device?.kind !== 'dram') return false
  return device.parent_device_id == null || used.has(device.parent_device_id)
}

function hostEnergy(run: RunData, window: Window): ScopedEnergy {
  const parts = cpuParts(run, window, () => true)
  if (parts.length === 0) return none(missingReason(run, ['rapl']))
  const all = together(parts)
  if (all.energy_j !== null && !all.measured)
    return { ...all, energy_j: null, reason: 'estimate_only', components: [] }
  return all
}

/** Packages and memory, each scope of each device apart. A device of estimates is left out beside measured ones. */
function cpuParts(
  run: RunData,
  window: Window,
  wanted: (device_id: string) => boolean,
): DeviceEnergy[] {
  const sources = energySources(run).filter((s) => s.scope === 'package' || s.scope === 'dram')
  const recorded = new Set(sources.map((s) => s.device_id))
  const silent = run.devices
    .filter((d) => (d.kind === 'cpu_package' || d.kind === 'dram') && !recorded.has(d.device_id))
    .map((d) => ({ device_id: d.device_id, scope: d.kind === 'dram' ? 'dram' : 'package' }))
  const meters = new Map(
    [...sources, ...silent]
      .filter((m) => wanted(m.device_id) && !isGpu(run, m.device_id))
      .map((m) => [`${m.device_id} ${m.scope}`, { device_id: m.device_id, scope: m.scope }]),
  )
  const isMeasured = (m: { device_id: string; scope: string }) =>
    sources.some((s) => s.device_id === m.device_id && s.scope === m.scope && s.measured)
  const all = [...meters.values()]
  const measured = all.some((m) => m.scope === 'package' && isMeasured(m))
  const estimated = new Set(sources.filter((s) => !s.measured).map((s) => s.device_id))
  return all
    .filter((m) => !measured || isMeasured(m) || !estimated.has(m.device_id))
    .map((m) => deviceEnergy(run, m.device_id, window, m.scope))
}

/**
 * GPU and host, disjoint: a module's reading holds the host already, and an engine on the CPU has no GPU to add. A
 * system on a chip that is measured as a module is all of it.
 */
function addHost(
  run: RunData,
  window: Window,
  gpu: ScopedEnergy,
  host: ScopedEnergy,
): ScopedEnergy {
  if (gpu.reason === 'no_device' && !isRemote(run)) {
    const module = run.devices.find((d) => isModule(run, d.device_id))
    return module === undefined ? host : together(wholeOf(run, module.device_id, window))
  }
  if (gpu.energy_j === null || gpu.scope === 'module' || gpu.scope === 'rail') return gpu
  if (host.energy_j === null) return { ...none(host.reason ?? 'not_recorded'), parts: host.parts }
  return together([...gpu.parts, ...host.parts])
}

const nobody = (run: RunData): Reason => (isRemote(run) ? 'remote_engine' : 'no_device')

function isGpu(run: RunData, device_id: string): boolean {
  const kind = run.devices.find((d) => d.device_id === device_id)?.kind
  if (kind === undefined) return energySources(run, device_id).some((s) => s.scope === 'gpu')
  return kind === 'gpu' || kind === 'gpu_instance'
}

/**
 * What stands for a device that has no power of its own: for an instance of a partitioned GPU the whole GPU, for the GPU
 * of a system on a chip the module around it.
 */
export function measurable(run: RunData, device_id: string): string {
  const device = run.devices.find((d) => d.device_id === device_id)
  if (energySources(run, device_id).length > 0) return device_id
  if (device?.kind === 'gpu_instance' && device.parent_device_id != null)
    return device.parent_device_id
  const module = run.devices.find((d) => isModule(run, d.device_id))
  return device?.kind === 'gpu' && module !== undefined ? module.device_id : device_id
}

/** A system on a chip that is measured with all its parts at once, by one sensor or by all of its rails. */
const isModule = (run: RunData, device_id: string): boolean =>
  run.devices.some((d) => d.device_id === device_id && d.kind === 'soc') &&
  (moduleParts(run, device_id) !== null ||
    energySources(run, device_id).some((s) => s.scope === 'module'))
