import { REASONS, type Reason } from '../../analysis/schema/reason.ts'
import { nameOfCode } from '../ffi/nvml-codes.ts'
import type { NvmlDevice } from './nvml-device.ts'
import type { Refused } from './reading.ts'
import type { Missing } from './sensor.ts'

const SOURCE = 'nvml'

/** There is no run yet that would hold a reading. */
const because = (reason: Reason): string =>
  reason === 'not_recorded' ? 'it gave no reading' : REASONS[reason]

/** Drivers give these files to all, unless their options say otherwise. Source: NVIDIA's README, "NVreg_DeviceFileMode". */
const granted = (files: string): string =>
  `Let this user read and write ${files} until the driver is loaded anew, with: sudo chmod a+rw ${files}; for good load the nvidia module with NVreg_DeviceFileMode=0666`

/** What to do where the library does not start, by reason. */
const START_REMEDIES: Partial<Record<Reason, string>> = {
  no_driver: 'Load the driver with: sudo modprobe nvidia. After a driver update restart the host.',
  permission_denied: `${granted('/dev/nvidiactl /dev/nvidia0')}.`,
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
        : `${tried[0]} does not start (nvmlInit answered ${nameOfCode(code)}${reason === 'not_recorded' ? '' : `: ${REASONS[reason]}`}). ${START_REMEDIES[reason] ?? "Look at: nvidia-smi, and the kernel's messages with: sudo dmesg | grep -i nvrm."}`,
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
    fix: deviceFix(index, reason),
  }
}

function deviceFix(index: number, reason: Reason): string {
  const refused = `GPU ${index} is refused to this user (${because(reason)}).`
  if (reason === 'permission_denied')
    return `${refused} ${granted(`/dev/nvidiactl /dev/nvidia${index}`)}; in a container start it with --gpus all.`
  if (reason === 'masked_in_container')
    return `${refused} Let it read /dev/nvidia${index}; in a container start it with --gpus all.`
  const reset =
    reason === 'lost'
      ? ` Where these ask for a reset, end all that uses it and type: sudo nvidia-smi --gpu-reset -i ${index}; where that does not help restart the host.`
      : ''
  return `GPU ${index} does not answer (${because(reason)}). Look at: nvidia-smi -i ${index}, and the kernel's messages with: sudo dmesg | grep -i xid.${reset}`
}

export function refusedMissing(gpu: NvmlDevice, { source, reason }: Refused): Missing {
  const what = `${source} of ${gpu.uuid} (${gpu.device.model ?? 'unknown model'})`
  const remedy =
    reason === 'not_recorded'
      ? `The next try may give one; look at: nvidia-smi -q -i ${gpu.device.index ?? 0}.`
      : gpu.device['partitioned'] === true
        ? 'Drivers do not tell it of a partitioned GPU (MIG).'
        : 'A newer driver may offer it.'
  return {
    source,
    device_id: gpu.uuid,
    reason,
    fix:
      reason === 'permission_denied'
        ? `${what} is refused to this user. Run as root, or let an administrator allow it.`
        : `${what}: ${because(reason)}. ${remedy}`,
  }
}
