import { REASONS, type Reason } from '../../analysis/schema/reason.ts'
import { nameOfCode } from '../ffi/nvml-codes.ts'
import type { NvmlDevice } from './nvml-device.ts'
import type { Refused } from './reading.ts'
import type { Missing } from './sensor.ts'

const SOURCE = 'nvml'

/** What to do where the library does not start, by reason. */
const START_REMEDIES: Partial<Record<Reason, string>> = {
  no_driver: 'Load the driver with: sudo modprobe nvidia. After a driver update restart the host.',
  permission_denied: 'Let this user read /dev/nvidiactl and /dev/nvidia0.',
  masked_in_container: 'Start the container with --gpus all.',
  no_library: 'Install the NVIDIA driver; this file is not its library.',
}

export function noDriver(failed: {
  readonly reason: Reason
  readonly tried: readonly string[]
  readonly code: number | null
}): Missing {
  const { reason, tried, code } = failed
  return {
    source: SOURCE,
    device_id: null,
    reason,
    fix:
      code === null
        ? `No NVML library could be loaded (${tried.join('; ')}). With an NVIDIA GPU install its driver; in a container start it with --gpus all; where the library lies elsewhere set LLEM_NVML_PATH.`
        : `${tried[0]} does not start (nvmlInit answered ${nameOfCode(code)}: ${REASONS[reason]}). ${START_REMEDIES[reason] ?? 'Look at: nvidia-smi.'}`,
  }
}

export function noDevice(reason: Reason | null): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason: reason ?? 'no_device',
    fix: 'The NVIDIA driver shows no GPU. Look at: nvidia-smi -L. In a container start it with --gpus all.',
  }
}

export function deviceMissing(index: number, reason: Reason): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason,
    fix:
      reason === 'permission_denied' || reason === 'masked_in_container'
        ? `GPU ${index} is refused to this user (${REASONS[reason]}). Let it read /dev/nvidia${index}; in a container start it with --gpus all.`
        : `GPU ${index} does not answer (${REASONS[reason]}). Look at: nvidia-smi -i ${index}, and the kernel's messages with: dmesg | grep -i xid.`,
  }
}

export function refusedMissing(gpu: NvmlDevice, { source, reason }: Refused): Missing {
  const what = `${source} of ${gpu.uuid} (${gpu.device.model ?? 'unknown model'})`
  return {
    source,
    device_id: gpu.uuid,
    reason,
    fix:
      reason === 'permission_denied'
        ? `${what} is refused to this user. Run as root, or let an administrator allow it.`
        : `${what}: ${REASONS[reason]}. ${gpu.device['partitioned'] === true ? 'Drivers do not tell it of a partitioned GPU (MIG).' : 'A newer driver may offer it.'}`,
  }
}
