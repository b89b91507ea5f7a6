import { type DeviceEnergy, deviceEnergy } from './device-energy.ts'
import { energySources } from './energy-source.ts'
import type { RunData } from './run-data.ts'
import { REASONS, type Reason } from './schema/reason.ts'
import type { Component } from './schema/summary.ts'
import { summed } from './uncertainty.ts'
import { isRemote, usedDevices } from './used-devices.ts'
import type { Window } from './window.ts'

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
  const total = addHost(run, gpu, host)
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
  return together([...new Set(gpus)].map((id) => deviceEnergy(run, id, window)))
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
  if (parts.length === 0) return together([...used].map((id) => deviceEnergy(run, id, window)))
  // An estimate stands for the whole processor: measured memory is not added to it.
  const packages = parts.filter((p) => p.scope !== 'dram')
  const estimated = packages.some((p) => p.energy_j !== null && !p.measured)
  return together(estimated ? packages : parts)
}

/** A package that is used, its memory, and memory that names no package. */
function belongs(run: RunData, device_id: string, used: ReadonlySet<string>): boolean {
  if (used.has(device_id)) return true
  const device = run.devices.find((d) => d.device_id === device_id)
  if (device?.kind !== 'dram') return false
  return device.parent_device_id == null || used.has(device.parent_device_id)
}

function hostEnergy(run: RunData, window: Window): ScopedEnergy {
  const parts = cpuParts(run, window, () => true)
  if (parts.length === 0) return none(missingHost(run))
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

/** GPU and host, disjoint: a module's reading holds the host already, and an engine on the CPU has no GPU to add. */
function addHost(run: RunData, gpu: ScopedEnergy, host: ScopedEnergy): ScopedEnergy {
  if (gpu.reason === 'no_device' && !isRemote(run)) return host
  if (gpu.energy_j === null || gpu.scope === 'module') return gpu
  if (host.energy_j === null) return { ...none(host.reason ?? 'not_recorded'), parts: host.parts }
  return together([...gpu.parts, ...host.parts])
}

function nodeEnergy(run: RunData, window: Window): ScopedEnergy {
  const ids = energySources(run)
    .filter((s) => s.scope === 'node')
    .map((s) => s.device_id)
  if (ids.length === 0) return none('not_recorded')
  return together([...new Set(ids)].map((id) => deviceEnergy(run, id, window, 'node')))
}

function difference(whole: ScopedEnergy, part: ScopedEnergy): ScopedEnergy {
  if (whole.energy_j === null) return none(whole.reason ?? 'not_recorded')
  if (part.energy_j === null) return none(part.reason ?? 'not_recorded')
  return {
    ...whole,
    energy_j: whole.energy_j - part.energy_j,
    components: summed([whole.components, part.components]),
    parts: [...whole.parts, ...part.parts],
  }
}

function together(parts: readonly DeviceEnergy[]): ScopedEnergy {
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

const none = (reason: Reason): ScopedEnergy => ({
  energy_j: null,
  reason,
  measured: false,
  source: null,
  scope: null,
  components: [],
  samples: 0,
  parts: [],
})

const nobody = (run: RunData): Reason => (isRemote(run) ? 'remote_engine' : 'no_device')

function isGpu(run: RunData, device_id: string): boolean {
  const kind = run.devices.find((d) => d.device_id === device_id)?.kind
  if (kind === undefined) return energySources(run, device_id).some((s) => s.scope === 'gpu')
  return kind === 'gpu' || kind === 'gpu_instance'
}

/** An instance of a partitioned GPU has no power of its own: the whole GPU's stands for it. */
export function measurable(run: RunData, device_id: string): string {
  const device = run.devices.find((d) => d.device_id === device_id)
  if (device?.kind !== 'gpu_instance' || device.parent_device_id == null) return device_id
  return energySources(run, device_id).length > 0 ? device_id : device.parent_device_id
}

/** Why the host's energy was not recorded, where the agent said so. */
function missingHost(run: RunData): Reason {
  const listed = run.environment['missing_sensors']
  if (!Array.isArray(listed)) return 'not_recorded'
  const rapl = (listed as { source?: unknown; reason?: unknown }[]).find(
    (m) => m?.source === 'rapl',
  )
  return typeof rapl?.reason === 'string' && rapl.reason in REASONS
    ? (rapl.reason as Reason)
    : 'not_recorded'
}
