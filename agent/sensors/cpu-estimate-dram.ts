import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Device } from '../../analysis/schema/device.ts'
import type { SensorRow } from '../../analysis/schema/sensor.ts'
import type { Clock } from '../clock.ts'
import { listNames, readText } from './files.ts'
import type { Sensor } from './sensor.ts'

const DEVICE = 'dram:0'

/**
 * Watts for each gigabyte, as of 2026-11. DDR4: 0.3725 W/GB of the Green Algorithms calculator (Lannelongue et al. 2021,
 * doi 10.1002/advs.202100707); the Cloud Carbon Footprint methodology (2021) has 0.392. The other generations are that
 * × the square of their supply voltage over DDR4's 1.2 V: DDR3 1.5 V, DDR5 1.1 V.
 */
const W_PER_GB = { DDR3: 0.58, DDR4: 0.37, DDR5: 0.31 } as const
type Generation = keyof typeof W_PER_GB

/** Modules in use draw some times what idle ones do, and larger ones less for each gigabyte. */
const GAIN_REL = 0.75

/** What memory is assumed to draw, and what that rests on. */
export interface DramEstimate {
  readonly watts: number
  readonly gigabytes: number
  /** null: not told, DDR4 is assumed. */
  readonly generation: Generation | null
  readonly w_per_gb: number
}

/** Installed memory × watts for each gigabyte of its generation, where the kernel's memory controllers tell it. */
export function estimateDram(sysfsRoot: string, procRoot: string): DramEstimate {
  const gigabytes = memoryBytes(procRoot) / 1e9
  const generation = generationOf(sysfsRoot)
  const w_per_gb = W_PER_GB[generation ?? 'DDR4']
  return { watts: gigabytes * w_per_gb, gigabytes, generation, w_per_gb }
}

/** Memory as a device of its own, whose power is a constant and an estimate. */
export function dramSensor(
  { watts }: DramEstimate,
  clock: Clock,
): { device: Device; sensor: Sensor } {
  const row: SensorRow = {
    sensor_id: `${DEVICE}:cpu_estimate`,
    device_id: DEVICE,
    metric: 'dram_power_mw',
    source: 'cpu_estimate',
    scope: 'dram',
    accuracy: { gain_rel: GAIN_REL, basis: 'assumed' },
  }
  const { sensor_id, device_id, metric } = row
  const value = Math.round(watts * 1000)
  return {
    device: { device_id: DEVICE, kind: 'dram', vendor: null, model: null },
    sensor: {
      row,
      cadence: 'ring',
      read: () => [{ t_ns: clock.now(), device_id, sensor_id, metric, value, reason: null }],
    },
  }
}

function memoryBytes(procRoot: string): number {
  const kib = /^MemTotal:\s+(\d+) kB/m.exec(readText(join(procRoot, 'meminfo')).text ?? '')?.[1]
  return kib === undefined ? totalmem() : Number(kib) * 1024
}

/** As the kernel's memory controllers say, in words such as "Registered-DDR4"; null where it has none. */
function generationOf(sysfsRoot: string): Generation | null {
  const root = join(sysfsRoot, 'devices/system/edac/mc')
  for (const controller of listNames(root))
    for (const module of listNames(join(root, controller))) {
      const type = readText(join(root, controller, module, 'dimm_mem_type')).text ?? ''
      const found = /DDR[345]/.exec(type)?.[0]
      if (found !== undefined) return found as Generation
    }
  return null
}
