import type { Device } from '../schema/device.ts'
import type { ReadExperiment, RunData } from './run-data.ts'

const isGpu = (d: Device): boolean => d.kind === 'gpu' || d.kind === 'gpu_instance'
const isWhole = (d: Device): boolean => d.kind === 'gpu'
const isCpu = (d: Device): boolean =>
  d.kind === 'cpu_package' || d.kind === 'dram' || d.kind === 'soc'

/** What of a run tells which devices its engine computes on. */
interface Machines {
  readonly experiment: Pick<ReadExperiment, 'devices'>
  readonly devices: RunData['devices']
  readonly processes: readonly Pick<
    RunData['processes'][number],
    'role' | 'device_ids' | 'names_devices'
  >[]
}

/**
 * The devices that the engine computes on, each once, however many ranks name it: what the configuration says, else
 * those in the processes' `device_ids`. Where one does not say (a record written by hand), all GPUs, else
 * the CPU and its memory. Where all say that they use none, none; workers that say so are on another host.
 * Source: docs/metrics.md, "Energy".
 */
export function usedDevices(run: Machines): string[] {
  const { devices } = run.experiment
  if (devices !== null) return [...new Set(devices.flatMap((name) => configured(run, name)))]
  const named = new Set(run.processes.flatMap((p) => p.device_ids))
  if (named.size > 0) return [...named]
  if (saysNone(run)) return []
  const gpus = run.devices.filter(isGpu)
  return (gpus.length > 0 ? gpus : run.devices.filter(isCpu)).map((d) => d.device_id)
}

export const usedDeviceIds = (run: Machines): ReadonlySet<string> => new Set(usedDevices(run))

/** True where the engine computes on another host, so that its energy can't be measured here. */
export function isRemote(run: Machines): boolean {
  if (run.experiment.devices !== null) return run.experiment.devices.length === 0
  return run.processes.some(isWorker) && saysNone(run)
}

/** Whether the workers, or all processes where none is one, name their devices and name none. */
function saysNone({ processes }: Machines): boolean {
  if (processes.some((p) => p.device_ids.length > 0)) return false
  const workers = processes.filter(isWorker)
  return (workers.length > 0 ? workers : processes).every((p) => p.names_devices)
}

const isWorker = (p: Machines['processes'][number]): boolean => p.role === 'worker'

/** A device by UUID, unique prefix of one, index among the GPUs, or `cpu`; none where it names none here. */
function configured(run: Machines, name: string | number): string[] {
  if (name === 'cpu') return run.devices.filter(isCpu).map((d) => d.device_id)
  const index = typeof name === 'number' ? name : /^\d+$/.test(name) ? Number(name) : null
  const found = run.devices.filter((d, i) =>
    index !== null
      ? d.kind === 'gpu' && (d.index ?? run.devices.slice(0, i).filter(isWhole).length) === index
      : d.device_id === name || d.device_id.startsWith(String(name)),
  )
  return found.length === 1 ? [(found[0] as Device).device_id] : []
}
