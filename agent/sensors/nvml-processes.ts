import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { GpuProcess } from '../ffi/nvml-processes.ts'
import { processLine } from '../process-line.ts'
import { inContainer, isVisibleProcess } from './container.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { deviceOf, type GpuInstance } from './nvml-mig.ts'
import type { Watch } from './sensor.ts'

/** What the processes on GPUs are asked of. */
export interface ProcessHost {
  readonly nvml: Nvml
  readonly gpus: readonly NvmlDevice[]
  readonly instances: readonly GpuInstance[]
  readonly procRoot: string
}

/** Processes of a GPU, computing and drawing ones; null where the driver does not tell. */
function processesOf({ nvml }: ProcessHost, gpu: NvmlDevice): readonly GpuProcess[] | null {
  const compute = gpu.guarded(() => nvml.computeProcesses(gpu.handle)).value
  if (compute === null) return null
  const drawing = gpu.guarded(() => nvml.graphicsProcesses(gpu.handle)).value ?? []
  return [...compute, ...drawing.filter((d) => !compute.some((c) => c.pid === d.pid))]
}

/**
 * The GPUs, or instances of GPUs, on which a process computes. null where that can't be told: the driver gives the
 * host's pids, which mean nothing in a container with pids of its own, and there it may give none at all.
 */
export function devicesOfProcess(host: ProcessHost, pid: number): readonly string[] | null {
  const { nvml, gpus, instances, procRoot } = host
  const lists = gpus.map((gpu) => ({
    gpu,
    list: gpu.guarded(() => nvml.computeProcesses(gpu.handle)).value,
  }))
  const holding = lists.flatMap(({ gpu, list }) =>
    (list ?? []).filter((p) => p.pid === pid).map((p) => deviceOf(gpu, instances, p)),
  )
  if (holding.length > 0) return [...new Set(holding)]
  const all = lists.flatMap(({ list }) => list ?? [])
  const told = lists.every(({ list }) => list !== null) && !inContainer(procRoot)
  return told && all.every((other) => isVisibleProcess(procRoot, other.pid)) ? [] : null
}

/**
 * Tells which processes are on the GPUs (`gpu_processes`): at start and end, and when others come or go. Of each is
 * told whose child it is, so that the engine's own can be known later. `mappable` is false where the driver's pids are
 * not those of this system.
 */
export function watchProcesses(host: ProcessHost, clock: Clock): Watch {
  const { gpus, procRoot } = host
  const contained = inContainer(procRoot)
  let last = ''
  return {
    read(moment) {
      const lists = gpus.map((gpu) => ({ gpu, list: processesOf(host, gpu) }))
      const key = JSON.stringify(
        lists.map(
          ({ list }) => list?.map((p) => [p.pid, p.kind, p.gpu_instance_id]).sort() ?? null,
        ),
      )
      if (moment === 'during' && key === last) return []
      last = key
      const all = lists.flatMap(({ list }) => list ?? [])
      const detail = {
        devices: Object.fromEntries(
          lists.map(({ gpu, list }) => [
            gpu.uuid,
            list?.map((process) => ({
              ...process,
              device_id: deviceOf(gpu, host.instances, process),
              ...processLine(procRoot, process.pid),
            })) ?? null,
          ]),
        ),
        mappable: !contained && all.every((p) => isVisibleProcess(procRoot, p.pid)),
      }
      return [{ t_ns: clock.now(), code: 'gpu_processes', detail }]
    },
  }
}
