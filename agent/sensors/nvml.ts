import { type Nvml, openNvml } from '../ffi/nvml.ts'
import { describeDevice } from './nvml-describe.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { openEnergyCounter } from './nvml-energy.ts'
import { openGauges } from './nvml-gauges.ts'
import { watchLosses } from './nvml-loss.ts'
import { type GpuInstance, instancesOf, partitionMissing } from './nvml-mig.ts'
import { deviceMissing, noDevice, noDriver, refusedMissing } from './nvml-missing.ts'
import { openMemoryPower, openPower } from './nvml-power.ts'
import { devicesOfProcess, processesNow, watchProcesses } from './nvml-processes.ts'
import { watchSettings } from './nvml-settings.ts'
import { topologyOf } from './nvml-topology.ts'
import { openViolations } from './nvml-violations.ts'
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
  const { clock, procRoot } = options
  const losses = watchLosses(nvml, clock.now)
  const gpus: NvmlDevice[] = []
  const instances: GpuInstance[] = []
  const sensors: Sensor[] = []
  const missing: Missing[] = []
  const count = nvml.deviceCount()
  for (let index = 0; index < (count.value ?? 0); index++) {
    const described = describeDevice(nvml, index, losses)
    if (described.device === null) {
      missing.push(deviceMissing(index, described.reason))
      continue
    }
    const gpu = described.device
    gpus.push(gpu)
    const opened = await openSensors(nvml, gpu, options)
    sensors.push(...opened.sensors)
    missing.push(...opened.missing)
    if (gpu.environment['mig_mode'] !== true) continue
    const parts = instancesOf(nvml, gpu)
    instances.push(...parts)
    missing.push(...partitionMissing(gpu, parts))
  }
  if (gpus.length === 0 && missing.length === 0) missing.push(noDevice(count.reason))
  const host = { nvml, gpus, instances, procRoot }
  return {
    source: SOURCE,
    devices: [...gpus.map((gpu) => gpu.device), ...instances.map((i) => i.device)],
    sensors,
    missing,
    watches:
      gpus.length === 0 ? [] : [watchSettings(nvml, gpus, clock), watchProcesses(host, clock)],
    environment: {
      nvml: {
        library: nvml.path,
        driver_version: nvml.driverVersion().value,
        cuda_version: cudaVersion(nvml.cudaVersion().value),
        devices: Object.fromEntries(gpus.map((gpu) => [gpu.uuid, gpu.environment])),
        topology: topologyOf(nvml, gpus),
        processes: processesNow(host),
      },
    },
    devicesOfProcess: (pid) => devicesOfProcess(host, pid),
    close: () => nvml.shutdown(),
  }
}

/** Everything that one GPU tells while it works; each is read once here, as the first call of a kind is slow. */
async function openSensors(
  nvml: Nvml,
  gpu: NvmlDevice,
  { clock }: SensorOptions,
): Promise<{ sensors: readonly Sensor[]; missing: readonly Missing[] }> {
  const power = await openPower(nvml, gpu, clock)
  const memory = openMemoryPower(nvml, gpu, clock)
  const energy = await openEnergyCounter(nvml, gpu, clock)
  const gauges = openGauges(nvml, gpu, clock)
  const refused = [
    ...power.refused,
    ...(energy.sensor ? [] : [{ source: 'nvml_energy', reason: energy.reason }]),
    ...gauges.refused,
  ]
  return {
    sensors: [
      ...power.sensors,
      ...(memory ? [memory] : []),
      ...(energy.sensor ? [energy.sensor] : []),
      ...gauges.sensors,
      ...openViolations(nvml, gpu, clock),
    ],
    missing: refused.map((r) => refusedMissing(gpu, r)),
  }
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
