import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { GpuProcess } from '../ffi/nvml-processes.ts'
import { type ProcessLine, processLine } from '../process-line.ts'
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

/** Who is on which GPU. */
interface ProcessesNow {
  /** null: the driver does not tell. */
  readonly devices: Readonly<Record<string, readonly (GpuProcess & ProcessLine)[] | null>>
  /** False where the driver's pids are not those of this system. */
  readonly mappable: boolean
}

/** The processes on all GPUs, and of each whose child it is, so that the engine's own can be told later. */
export function processesNow(host: ProcessHost): ProcessesNow {
  return describe(host, listAll(host))
}

/** Tells who is on the GPUs (`gpu_processes`): at start and end, and when others have come or gone. */
export function watchProcesses(host: ProcessHost, clock: Clock): Watch {
  let last = ''
  return {
    read(moment) {
      const lists = listAll(host)
      const key = JSON.stringify(
        lists.map(({ list }) => list?.map((p) => [p.pid, p.kind, p.gpu_instance_id].join()).sort()),
      )
      if (moment === 'during' && key === last) return []
      last = key
      return [
        { t_ns: clock.now(), code: 'gpu_processes', detail: { moment, ...describe(host, lists) } },
      ]
    },
  }
}

type Listed = readonly {
  readonly gpu: NvmlDevice
  readonly list: readonly GpuProcess[] | null
}[]

const listAll = (host: ProcessHost): Listed =>
  host.gpus.map((gpu) => ({ gpu, list: processesOf(host, gpu) }))

function describe({ instances, procRoot }: ProcessHost, lists: Listed): ProcessesNow {
  const all = lists.flatMap(({ list }) => list ?? [])
  return {
    devices: Object.fromEntries(
      lists.map(({ gpu, list }) => [
        gpu.uuid,
        list?.map((process) => ({
          ...process,
          device_id: deviceOf(gpu, instances, process),
          ...processLine(procRoot, process.pid),
        })) ?? null,
      ]),
    ),
    mappable: !inContainer(procRoot) && all.every((p) => isVisibleProcess(procRoot, p.pid)),
  }
}
