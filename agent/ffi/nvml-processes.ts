import { type Maybe, unknown } from '../../analysis/schema/reason.ts'
import type { NativeFunction } from './native-library.ts'
import { answer, type Calls, DEVICE, type NvmlHandle, OUT } from './nvml-call.ts'
import { NVML } from './nvml-codes.ts'
import { PROCESS_INFO, u32, u64 } from './nvml-layout.ts'

/** A process that a device works for. */
export interface GpuProcess {
  /** The host's number of it. */
  readonly pid: number
  readonly kind: 'compute' | 'graphics'
  /** Memory that it holds, bytes; null where the driver does not tell. */
  readonly memory_bytes: number | null
  /** The instance of a partitioned device that it works in; null: none. */
  readonly gpu_instance_id: number | null
  readonly compute_instance_id: number | null
}

export interface ProcessCalls {
  /** Processes that compute on the device, directly or through the multi-process service. */
  computeProcesses(at: NvmlHandle): Maybe<readonly GpuProcess[]>
  /** Processes that draw on it: a desktop holds memory and draws power as well. */
  graphicsProcesses(at: NvmlHandle): Maybe<readonly GpuProcess[]>
}

export function processCalls({ bind }: Calls): ProcessCalls {
  const list = (name: string, at: NvmlHandle, kind: GpuProcess['kind']) =>
    listOf(bind(name, [DEVICE, OUT, OUT]), at, kind)
  return {
    computeProcesses(at) {
      const plain = list('nvmlDeviceGetComputeRunningProcesses_v3', at, 'compute')
      if (plain.value === null) return plain
      const shared = list('nvmlDeviceGetMPSComputeRunningProcesses_v3', at, 'compute').value ?? []
      const more = shared.filter((s) => !plain.value.some((p) => p.pid === s.pid))
      return { value: [...plain.value, ...more], reason: null }
    },
    graphicsProcesses: (at) => list('nvmlDeviceGetGraphicsRunningProcesses_v3', at, 'graphics'),
  }
}

/** So many entries at first; and added to the count that the driver then tells, since processes come meanwhile. */
const ROOM = 64
const SLACK = 16
const TRIES = 4

function listOf(
  call: NativeFunction,
  at: NvmlHandle,
  kind: GpuProcess['kind'],
): Maybe<readonly GpuProcess[]> {
  const count = Buffer.alloc(4)
  let room = ROOM
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const list = Buffer.alloc(room * PROCESS_INFO.size)
    count.writeUInt32LE(room)
    const code = call(at.pointer, count, list)
    if (code === NVML.insufficient_size) {
      room = count.readUInt32LE() + SLACK
      continue
    }
    return answer(code, () =>
      Array.from({ length: Math.min(count.readUInt32LE(), room) }, (_, i) => {
        const start = i * PROCESS_INFO.size
        return {
          pid: list.readUInt32LE(start + PROCESS_INFO.pid),
          kind,
          memory_bytes: u64(list, start + PROCESS_INFO.memory),
          gpu_instance_id: u32(list, start + PROCESS_INFO.gpu_instance),
          compute_instance_id: u32(list, start + PROCESS_INFO.compute_instance),
        }
      }),
    )
  }
  return unknown('not_recorded')
}
