import { REASONS, type Reason } from '../../analysis/schema/reason.ts'
import { type Amdsmi, openAmdsmi } from '../ffi/amdsmi.ts'
import { amdsmiPaths } from '../ffi/amdsmi-paths.ts'
import { type AmdGpu, findGpus, type UnusedProcessor } from './amdsmi-device.ts'
import { openGauges, openThrottle } from './amdsmi-gauges.ts'
import { openEnergyCounter, openPower } from './amdsmi-power.ts'
import { drmCards } from './drm-cards.ts'
import { devicesOfProcess } from './kfd-processes.ts'
import type { Refused } from './reading.ts'
import type { Missing, OpenSource, Sensor, SensorOptions, SensorSource } from './sensor.ts'

const SOURCE = 'amdsmi'

/** AMD GPUs through ROCm's management library. */
export const amdsmi: SensorSource = {
  name: SOURCE,
  async open(options: SensorOptions): Promise<OpenSource> {
    const opened = await openAmdsmi(amdsmiPaths(options.amdsmiPath, options.env))
    if (opened.amdsmi !== null) return await openDevices(opened.amdsmi, options)
    const hasCard = drmCards(options.sysfsRoot).some((card) => card.vendor === 'amd')
    return nothing(hasCard || opened.code !== null ? noLibrary(opened) : NO_CARD)
  },
}

async function openDevices(amdsmi: Amdsmi, options: SensorOptions): Promise<OpenSource> {
  const { clock, sysfsRoot } = options
  const found = findGpus(amdsmi, sysfsRoot, clock.now)
  const sensors: Sensor[] = []
  const missing: Missing[] = found.unused.map(unusedMissing)
  const devices: Record<string, unknown> = {}
  for (const gpu of found.gpus) {
    const refused: Refused[] = []
    const told: Record<string, unknown> = { uuid: gpu.uuid }
    devices[gpu.device.device_id] = told
    if (gpu.counted_by !== null) missing.push(countedElsewhere(gpu))
    else {
      const power = openPower(amdsmi, gpu, clock)
      if (power.sensor) {
        sensors.push(power.sensor)
        told['power'] = power.kind
      } else refused.push({ source: 'gpu_power_w', reason: power.reason })
      const energy = await openEnergyCounter(amdsmi, gpu, clock)
      if (energy.sensor) {
        sensors.push(energy.sensor)
        told['energy_resolution_uj'] = energy.resolution_uj
      } else refused.push({ source: 'gpu_energy_uj', reason: energy.reason })
      const throttle = await openThrottle(amdsmi, gpu, clock)
      if (throttle.sensor) sensors.push(throttle.sensor)
      else refused.push({ source: 'gpu_throttle_reasons', reason: throttle.reason })
    }
    const gauges = openGauges(amdsmi, gpu, clock)
    sensors.push(...gauges.sensors)
    missing.push(...[...refused, ...gauges.refused].map((r) => refusedMissing(gpu, r)))
  }
  if (found.gpus.length === 0 && missing.length === 0) missing.push(noDevice(found.reason))
  const kfd = new Map(
    found.gpus.flatMap((g) => (g.kfd_id === null ? [] : [[g.kfd_id, g.device.device_id]])),
  )
  return {
    source: SOURCE,
    devices: found.gpus.map((gpu) => gpu.device),
    sensors,
    missing,
    environment: {
      amdsmi: {
        library: amdsmi.path,
        version: amdsmi.version,
        serialised: amdsmi.serialised,
        devices,
      },
    },
    devicesOfProcess: (pid) => devicesOfProcess(sysfsRoot, kfd, pid),
    close: () => amdsmi.shutdown(),
  }
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

/** There is no run yet that would hold a reading. */
const because = (reason: Reason): string =>
  reason === 'not_recorded' ? 'it gave no reading' : REASONS[reason]

const GROUPS =
  'Let this user read /dev/kfd and /dev/dri/renderD*: sudo usermod -a -G render,video "$USER", then log in again; in a container pass --device /dev/kfd --device /dev/dri --group-add render.'

const NO_CARD: Missing = {
  source: SOURCE,
  device_id: null,
  reason: 'no_device',
  fix: 'No AMD GPU is on the bus.',
}

function noLibrary(failed: {
  readonly reason: Reason
  readonly tried: readonly string[]
  readonly code: number | null
}): Missing {
  const start = `${failed.tried[0]} does not start (amdsmi_init answered ${failed.code}: ${because(failed.reason)})`
  return {
    source: SOURCE,
    device_id: null,
    reason: failed.reason,
    fix:
      failed.code === null
        ? `No AMDSMI library could be loaded (${failed.tried.join('; ')}). Install ROCm's amd-smi-lib; where it lies elsewhere set LLEM_AMDSMI_PATH, AMDSMI_LIB_DIR or ROCM_PATH. Without it the kernel's own files (hwmon) are read.`
        : failed.reason === 'permission_denied'
          ? `${start}. ${GROUPS}`
          : `${start}. Load the driver with: sudo modprobe amdgpu.`,
  }
}

function noDevice(reason: Reason | null): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason: reason ?? 'no_device',
    fix: `AMDSMI shows no GPU. Look at: amd-smi list. ${GROUPS}`,
  }
}

function unusedMissing({ order, reason }: UnusedProcessor): Missing {
  return {
    source: SOURCE,
    device_id: null,
    reason,
    fix:
      reason === 'permission_denied'
        ? `AMD GPU ${order} is refused to this user. ${GROUPS}`
        : `AMD GPU ${order} does not answer (${because(reason)}). Look at: amd-smi list, and the kernel's messages with: dmesg | grep -i amdgpu.`,
  }
}

function countedElsewhere(gpu: AmdGpu): Missing {
  const what = gpu.part === 'die' ? 'a die of a card of two' : 'a partition'
  return {
    source: 'gpu_power_w',
    device_id: gpu.device.device_id,
    reason: 'unsupported',
    fix: `${gpu.device.device_id} is ${what} without a power sensor of its own: that of ${gpu.counted_by} counts both and is read once. For joules that are this engine's alone give it the whole card.`,
  }
}

function refusedMissing(gpu: AmdGpu, { source, reason }: Refused): Missing {
  const what = `${source} of ${gpu.device.device_id} (${gpu.device.model ?? 'unknown model'})`
  return {
    source,
    device_id: gpu.device.device_id,
    reason,
    fix:
      reason === 'permission_denied'
        ? `${what} is refused to this user. ${GROUPS}`
        : `${what}: ${because(reason)}. A newer ROCm may offer it; virtual machines have no energy counter.`,
  }
}
