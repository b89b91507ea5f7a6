import type { Device } from '../../analysis/schema/device.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlHandle } from '../ffi/nvml-call.ts'
import type { GpuProcess } from '../ffi/nvml-processes.ts'
import type { NvmlDevice } from './nvml-device.ts'
import type { Missing } from './sensor.ts'

/** A part of a partitioned GPU (MIG) that programs use as a GPU of its own. */
export interface GpuInstance {
  readonly device: Device
  readonly parent: string
  readonly gpu_instance_id: number | null
  readonly compute_instance_id: number | null
}

/** The instances of a GPU, in the driver's order; places without one are passed over. */
export function instancesOf(nvml: Nvml, gpu: NvmlDevice): readonly GpuInstance[] {
  const places = gpu.guarded(() => nvml.maxInstances(gpu.handle)).value ?? 0
  const found: GpuInstance[] = []
  for (let place = 0; place < places; place++) {
    const pointer = gpu.guarded(() => nvml.instance(gpu.handle, place)).value
    if (pointer === null) continue
    const instance = describe(nvml, gpu, { pointer }, place)
    if (instance !== null) found.push(instance)
  }
  return found
}

function describe(
  nvml: Nvml,
  gpu: NvmlDevice,
  handle: NvmlHandle,
  place: number,
): GpuInstance | null {
  const uuid = nvml.uuid(handle).value
  if (uuid === null) return null
  const model = nvml.model(handle).value
  const attributes = nvml.attributes(handle).value
  const gpu_instance_id = nvml.gpuInstanceId(handle).value
  const compute_instance_id = nvml.computeInstanceId(handle).value
  return {
    parent: gpu.uuid,
    gpu_instance_id,
    compute_instance_id,
    device: {
      // Drivers before 470 write MIG-GPU-uuid/gi/ci, and a slash can't stand in an id.
      device_id: uuid.replaceAll('/', ':'),
      kind: 'gpu_instance',
      vendor: 'nvidia',
      model,
      memory_bytes: attributes?.memory_bytes ?? nvml.memory(handle).value?.total_bytes ?? null,
      parent_device_id: gpu.uuid,
      architecture: gpu.device['architecture'],
      compute_capability: gpu.device['compute_capability'],
      profile: model?.split(' MIG ')[1] ?? null,
      gpu_instance_id,
      compute_instance_id,
      place,
      multiprocessors: attributes?.multiprocessors ?? null,
      gpu_slices: attributes?.gpu_slices ?? null,
      compute_slices: attributes?.compute_slices ?? null,
    },
  }
}

/** The device that a process of this GPU's list uses: an instance where the entry names one, else the GPU itself. */
export function deviceOf(
  gpu: NvmlDevice,
  instances: readonly GpuInstance[],
  { gpu_instance_id, compute_instance_id }: GpuProcess,
): string {
  const own = instances.find(
    (i) =>
      i.parent === gpu.uuid &&
      gpu_instance_id !== null &&
      i.gpu_instance_id === gpu_instance_id &&
      i.compute_instance_id === compute_instance_id,
  )
  return own?.device.device_id ?? gpu.uuid
}

/** What can't be measured of a partitioned GPU, and the remedy. */
export function partitionMissing(
  gpu: NvmlDevice,
  instances: readonly GpuInstance[],
): readonly Missing[] {
  const { index } = gpu.device
  if (instances.length === 0)
    return [
      {
        source: 'nvml',
        device_id: gpu.uuid,
        reason: 'no_device',
        fix: `${gpu.uuid} is partitioned (MIG) and has no instance that this process may see, so nothing can compute on it. Create one with: sudo nvidia-smi mig -i ${index} -cgi PROFILE -C (profiles: nvidia-smi mig -lgip), or make it whole again with: sudo nvidia-smi -i ${index} -mig 0.`,
      },
    ]
  return instances.map(({ device }) => ({
    source: 'nvml_power',
    device_id: device.device_id,
    reason: 'unsupported' as const,
    fix: `The driver tells no power of an instance (${device['profile'] ?? device.model ?? device.device_id} of ${gpu.uuid}); the whole GPU's is recorded, and a run in the instance counts all of it (scope_exceeds_workload). To measure the engine alone make the GPU whole again with: sudo nvidia-smi -i ${index} -mig 0.`,
  }))
}
