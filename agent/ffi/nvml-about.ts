import type { Maybe } from '../../analysis/schema/reason.ts'
import { text } from './c-text.ts'
import { answer, type Calls, DEVICE, type NvmlHandle, OUT } from './nvml-call.ts'
import { MEMORY, MEMORY_V2, MEMORY_V2_VERSION, PCI_INFO, u64 } from './nvml-layout.ts'

/** A device's memory, bytes. */
export interface DeviceMemory {
  readonly total_bytes: number | null
  /** Taken by driver and firmware; null from drivers that count it as used. */
  readonly reserved_bytes: number | null
  readonly free_bytes: number | null
  readonly used_bytes: number | null
}

/** Temperatures from which a device slows down or stops (nvmlTemperatureThresholds_t). */
export const THRESHOLD = { shutdown: 0, slowdown: 1, memory_max: 2, gpu_max: 3 } as const

/** What a device is: it stays so for as long as the driver is loaded. */
export interface AboutCalls {
  uuid(at: NvmlHandle): Maybe<string>
  model(at: NvmlHandle): Maybe<string>
  serial(at: NvmlHandle): Maybe<string>
  vbios(at: NvmlHandle): Maybe<string>
  pci(at: NvmlHandle): Maybe<string>
  /** 4 Pascal, 5 Volta, 6 Turing, 7 Ampere, 8 Ada, 9 Hopper, 10 Blackwell. */
  architecture(at: NvmlHandle): Maybe
  /** Major and minor. */
  computeCapability(at: NvmlHandle): Maybe<readonly [number, number]>
  memory(at: NvmlHandle): Maybe<DeviceMemory>
  defaultPowerLimit(at: NvmlHandle): Maybe
  /** Least and greatest limit that can be set, mW. */
  powerLimitRange(at: NvmlHandle): Maybe<readonly [number, number]>
  /** MHz that the clock can reach. */
  maxClock(at: NvmlHandle, type: number): Maybe
  /** °C. */
  temperatureThreshold(at: NvmlHandle, which: number): Maybe
}

export function aboutCalls(calls: Calls): AboutCalls {
  const { bind, read32, read32Of, pair, textOf } = calls
  return {
    uuid: (at) => textOf('nvmlDeviceGetUUID', at),
    model: (at) => textOf('nvmlDeviceGetName', at),
    serial: (at) => textOf('nvmlDeviceGetSerial', at),
    vbios: (at) => textOf('nvmlDeviceGetVbiosVersion', at),
    pci(at) {
      const out = Buffer.alloc(PCI_INFO.size)
      const code = bind('nvmlDeviceGetPciInfo_v3', [DEVICE, OUT])(at.pointer, out)
      return answer(code, () => text(out, PCI_INFO.bus_id, PCI_INFO.bus_id_size))
    },
    architecture: (at) => read32('nvmlDeviceGetArchitecture', at)(),
    computeCapability: (at) => pair('nvmlDeviceGetCudaComputeCapability', at),
    memory(at) {
      const out = Buffer.alloc(MEMORY_V2.size)
      out.writeUInt32LE(MEMORY_V2_VERSION, MEMORY_V2.version)
      const second = bind('nvmlDeviceGetMemoryInfo_v2', [DEVICE, OUT])
      const newer = answer(second(at.pointer, out), () => ({
        total_bytes: u64(out, MEMORY_V2.total),
        reserved_bytes: u64(out, MEMORY_V2.reserved),
        free_bytes: u64(out, MEMORY_V2.free),
        used_bytes: u64(out, MEMORY_V2.used),
      }))
      if (newer.reason !== 'unsupported') return newer
      const first = bind('nvmlDeviceGetMemoryInfo', [DEVICE, OUT])
      return answer(first(at.pointer, out), () => ({
        total_bytes: u64(out, MEMORY.total),
        reserved_bytes: null,
        free_bytes: u64(out, MEMORY.free),
        used_bytes: u64(out, MEMORY.used),
      }))
    },
    defaultPowerLimit: (at) => read32('nvmlDeviceGetPowerManagementDefaultLimit', at)(),
    powerLimitRange: (at) => pair('nvmlDeviceGetPowerManagementLimitConstraints', at),
    maxClock: (at, type) => read32Of('nvmlDeviceGetMaxClockInfo', at, type)(),
    temperatureThreshold: (at, which) => read32Of('nvmlDeviceGetTemperatureThreshold', at, which)(),
  }
}
