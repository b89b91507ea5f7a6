import type { Maybe } from '../../analysis/schema/reason.ts'
import { answer, type Calls, DEVICE, type NvmlHandle, OUT } from './nvml-call.ts'
import { ATTRIBUTES, u32, u64 } from './nvml-layout.ts'

/** How large a part of a device an instance is. */
export interface InstanceAttributes {
  readonly multiprocessors: number | null
  readonly gpu_slices: number | null
  readonly compute_slices: number | null
  readonly memory_bytes: number | null
}

/** Instances of a partitioned device (MIG). */
export interface PartitionCalls {
  /** How many instances the device may have; 0 where it is not partitioned. */
  maxInstances(at: NvmlHandle): Maybe
  /** The handle of an instance. Places without one are holes: `not_recorded`, and the next may hold one. */
  instance(at: NvmlHandle, index: number): Maybe<bigint>
  gpuInstanceId(at: NvmlHandle): Maybe
  computeInstanceId(at: NvmlHandle): Maybe
  attributes(at: NvmlHandle): Maybe<InstanceAttributes>
}

const BYTES_PER_MIB = 1_048_576

export function partitionCalls({ bind, read32 }: Calls): PartitionCalls {
  return {
    maxInstances: (at) => read32('nvmlDeviceGetMaxMigDeviceCount', at)(),
    instance(at, index) {
      const out = Buffer.alloc(8)
      const call = bind('nvmlDeviceGetMigDeviceHandleByIndex', [DEVICE, 'uint32_t', OUT])
      return answer(call(at.pointer, index, out), () => out.readBigUInt64LE())
    },
    gpuInstanceId: (at) => read32('nvmlDeviceGetGpuInstanceId', at)(),
    computeInstanceId: (at) => read32('nvmlDeviceGetComputeInstanceId', at)(),
    attributes(at) {
      const out = Buffer.alloc(ATTRIBUTES.size)
      const call = bind('nvmlDeviceGetAttributes_v2', [DEVICE, OUT])
      return answer(call(at.pointer, out), () => {
        const mib = u64(out, ATTRIBUTES.memory_mib)
        return {
          multiprocessors: u32(out, ATTRIBUTES.multiprocessors),
          gpu_slices: u32(out, ATTRIBUTES.gpu_slices),
          compute_slices: u32(out, ATTRIBUTES.compute_slices),
          memory_bytes: mib === null ? null : mib * BYTES_PER_MIB,
        }
      })
    },
  }
}
