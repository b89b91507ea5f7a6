import type { Reason } from '../../analysis/schema/reason.ts'
import { REASONS } from '../../analysis/schema/reason.ts'
import { type Nvml, openNvml } from '../ffi/nvml.ts'
import { inContainer, isVisibleProcess } from './container.ts'
import { describeDevice, type NvmlDevice } from './nvml-device.ts'
import { openEnergyCounter } from './nvml-energy.ts'
import { openGauges } from './nvml-gauges.ts'
import { openPower } from './nvml-power.ts'
import type { Refused } from './reading.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const SOURCE = 'nvml'

/** NVIDIA GPUs through the driver's management library, each by its UUID. */
export const nvml: SensorSource = {
  name: SOURCE,
  async open(options: SensorOptions): Promise<OpenSource> {
    const opened = await openNvml(options.nvmlPath)
    if (opened.nvml === null) return nothing(noDriver(opened))
    return await openDevices(opened.nvml, options)
  },
}

async function openDevices(nvml: Nvml, options: SensorOptions): Promise<OpenSource> {
  const { clock } = options
  const gpus: NvmlDevice[] = []
  const sensors: Sensor[] = []
  const missing: Missing[] = []
  const count = nvml.deviceCount()
  for (let index = 0; index < (count.value ?? 0); index++) {
    const described = describeDevice(nvml, index, clock.now)
    if (described.device === null) {
      missing.push(deviceMissing(index, described.reason))
      continue
    }
    const gpu = described.device
    gpus.push(gpu)
    const power = await openPower(nvml, gpu, clock)
    const energy = await openEnergyCounter(nvml, gpu, clock)
    const gauges = openGauges(nvml, gpu, clock)
    if (power.sensor) sensors.push(power.sensor)
    if (energy.sensor) sensors.push(energy.sensor)
    sensors.push(...gauges.sensors)
    const refused: readonly Refused[] = [
      ...power.refused,
      ...(energy.sensor ? [] : [{ source: 'nvml_energy', reason: energy.reason }]),
      ...gauges.refused,
    ]
    missing.push(...refused.map((r) => refusedMissing(gpu, r)))
  }
  if (gpus.length === 0 && missing.length === 0) missing.push(noDevice(count.reason))
  return {
    source: SOURCE,
    devices: gpus.map((gpu) => gpu.device),
    sensors,
    missing,
    environment: {
      nvml: {
        library: nvml.path,
        driver_version: nvml.driverVersion().value,
        cuda_version: cudaVersion(nvml.cudaVersion().value),
        devices: Object.fromEntries(gpus.map((gpu) => [gpu.uuid, gpu.environment])),
      },
    },
    devicesOfProcess: (pid) => devicesOfProcess(nvml, gpus, pid, options.procRoot),
    close: () => nvml.shutdown(),
  }
}

/**
 * The GPUs on which a process holds memory. null where that can't be told: the driver gives the host's pids, which mean
 * nothing in a container with pids of its own, and there it may give none at all.
 */
function devicesOfProcess(
  nvml: Nvml,
  gpus: readonly NvmlDevice[],
  pid: number,
  procRoot: string,
): readonly string[] | null {
  const lists = gpus.map((gpu) => ({
    uuid: gpu.uuid,
    pids: gpu.guarded(() => nvml.processes(gpu.handle)).value,
  }))
  const holding = lists.filter(({ pids }) => pids?.includes(pid)).map(({ uuid }) => uuid)
  if (holding.length > 0) return holding
  const all = lists.flatMap(({ pids }) => pids ?? [])
  const told = lists.every(({ pids }) => pids !== null) && !inContainer(procRoot)
  return told && all.every((other) => isVisibleProcess(procRoot, other)) ? [] : null
}

/** 12040 is CUDA 12.4. */
function cudaVersion(code: number | null): string | null {
  return code === null ? null : `${Math.floor(code / 1000)}.${Math.floor((code % 1000) / 10)}`
}

function nothing(missing: Missing): OpenSource {
  return {
    source: SOURCE,
    devices: [],
    sensors: [],
    missing: [missing],
    environment: {},
    close: () => {},
  }
}

function noDriver(failed: {
  readonly reason: Reason
  readonly tried: readonly string[]
  readonly code: number | null
}): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason: failed.reason,
    fix:
      failed.code === null
        ? `No NVML library could be loaded (${failed.tried.join('; ')}). With an NVIDIA GPU install its driver; in a container start it with --gpus all; where the library lies elsewhere set LLEM_NVML_PATH.`
        : `${failed.tried[0]} does not start (nvmlInit answered ${failed.code}: ${REASONS[failed.reason]}). Load the driver with: sudo modprobe nvidia. After a driver update restart the host.`,
  }
}

function noDevice(reason: Reason | null): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason: reason ?? 'no_device',
    fix: 'The NVIDIA driver shows no GPU. Look at: nvidia-smi -L. In a container start it with --gpus all.',
  }
}

function deviceMissing(index: number, reason: Reason): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason,
    fix:
      reason === 'permission_denied'
        ? `GPU ${index} is refused to this user. Let it read /dev/nvidia${index}.`
        : `GPU ${index} does not answer (${REASONS[reason]}). Look at: nvidia-smi -i ${index}, and the kernel's messages with: dmesg | grep -i xid.`,
  }
}

function refusedMissing(gpu: NvmlDevice, { source, reason }: Refused): Missing {
  const what = `${source} of ${gpu.uuid} (${gpu.device.model ?? 'unknown model'})`
  return {
    source,
    device_id: gpu.uuid,
    reason,
    fix:
      reason === 'permission_denied'
        ? `${what} is refused to this user. Run as root, or let an administrator allow it.`
        : `${what}: ${REASONS[reason]}. A newer driver may offer it.`,
  }
}
