import type { Device } from '../../analysis/schema/device.ts'
import { amdDevices } from './visible-amd.ts'
import { cudaDevices } from './visible-cuda.ts'
import type { Environment, VisibleDevices } from './visible-list.ts'

/** The variables that hide GPUs or number them. */
const VARIABLES = [
  'CUDA_VISIBLE_DEVICES',
  'CUDA_DEVICE_ORDER',
  'NVIDIA_VISIBLE_DEVICES',
  'ROCR_VISIBLE_DEVICES',
  'HIP_VISIBLE_DEVICES',
] as const

/** Those of them that are set. */
export const visibleVariables = (env: Environment): Readonly<Record<string, string>> =>
  Object.fromEntries(
    VARIABLES.flatMap((name) => {
      const text = env[name]
      return text === undefined ? [] : [[name, text]]
    }),
  )

/**
 * What CUDA's and HIP's variables leave visible of this host's GPUs.
 * @param env the program's environment
 * @param devices all devices of the host; others than GPUs are left out
 * Source: docs/measuring.md, "Which GPUs a program sees".
 */
export function visibleDevices(env: Environment, devices: readonly Device[]): VisibleDevices {
  const gpus = devices.filter((d) => d.kind === 'gpu' || d.kind === 'gpu_instance')
  const amd = amdDevices(
    env,
    gpus.filter((d) => d.vendor === 'amd'),
  )
  const nvidia = cudaDevices(
    env,
    gpus.filter((d) => d.vendor !== 'amd'),
  )
  return {
    device_ids: [...nvidia.device_ids, ...amd.device_ids],
    reason: nvidia.reason ?? amd.reason,
    problem: nvidia.problem ?? amd.problem,
    notes: [...nvidia.notes, ...amd.notes],
  }
}
