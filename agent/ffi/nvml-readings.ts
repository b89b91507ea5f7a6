import type { Maybe } from '../../analysis/schema/reason.ts'
import { beside } from './native-library.ts'
import {
  answer,
  type Calls,
  DEVICE,
  either,
  type NvmlHandle,
  OUT,
  type Reader,
} from './nvml-call.ts'
import { NVML } from './nvml-codes.ts'
import {
  FIELD_VALUE,
  MEMORY,
  MEMORY_V2,
  MEMORY_V2_VERSION,
  TEMPERATURE,
  TEMPERATURE_V1_VERSION,
  UTILISATION,
  u32,
  u64,
  unionValue,
  VIOLATION,
} from './nvml-layout.ts'
import { type RingSample, readRing } from './nvml-samples.ts'

/** Field numbers (NVML_FI_...), by what they tell. Powers are mW, of smoothing W; times ns. */
export const FIELD = {
  power_policy_ns: 74,
  thermal_policy_ns: 75,
  memory_temperature: 82,
  power_average: 185,
  power_instant: 186,
  default_limit: 189,
  requested_limit: 192,
  smoothing_enabled: 251,
  smoothing_immediate_ramp_down: 253,
  smoothing_floor_w: 255,
  smoothing_profile: 264,
  hw_thermal_ns: 270,
  power_brake_ns: 271,
} as const
export const SCOPE = { gpu: 0, module: 1, memory: 2 } as const
export const CLOCK = { graphics: 0, sm: 1, memory: 2 } as const
/** nvmlPerfPolicyType_t. */
export const POLICY = { power: 0, thermal: 1 } as const
/** nvmlSamplingType_t: the rings of power. */
export const RING = { gpu: 0, module: 7 } as const

/** What is read while a device works. */
export interface ReadingCalls {
  powerRing(at: NvmlHandle, type: number): (lastSeen_us: number) => Maybe<readonly RingSample[]>
  field(at: NvmlHandle, field: number, scope: number): Reader
  powerUsage(at: NvmlHandle): Reader
  /** mJ since the driver was loaded. Takes milliseconds, so it runs beside the event loop. */
  energy(at: NvmlHandle): () => Promise<Maybe>
  /** ns for which a policy held the clocks down, ever growing. */
  violation(at: NvmlHandle, policy: number): Reader
  temperature(at: NvmlHandle): Reader
  clock(at: NvmlHandle, type: number): Reader
  utilisation(at: NvmlHandle): Reader
  memoryUsed(at: NvmlHandle): Reader
  throttleReasons(at: NvmlHandle): Reader
}

export function readingCalls(calls: Calls): ReadingCalls {
  const { bind, read32, read32Of, read64 } = calls
  const one = (name: string) => bind(name, [DEVICE, OUT])
  return {
    powerRing: (at, type) =>
      readRing(bind('nvmlDeviceGetSamples', [DEVICE, 'int', 'uint64_t', OUT, OUT, OUT]), at, type),
    field(at, id, scope) {
      const call = bind('nvmlDeviceGetFieldValues', [DEVICE, 'int', OUT])
      const entry = Buffer.alloc(FIELD_VALUE.size)
      return () => {
        // The driver writes into the entry, and an unset scope means whatever was there.
        entry.writeUInt32LE(id, FIELD_VALUE.field)
        entry.writeUInt32LE(scope, FIELD_VALUE.scope)
        const code = call(at.pointer, 1, entry)
        return answer(code !== NVML.ok ? code : entry.readInt32LE(FIELD_VALUE.code), () =>
          unionValue(entry, FIELD_VALUE.value, entry.readInt32LE(FIELD_VALUE.type)),
        )
      }
    },
    powerUsage: (at) => read32('nvmlDeviceGetPowerUsage', at),
    energy(at) {
      const call = one('nvmlDeviceGetTotalEnergyConsumption')
      return async () => {
        const out = Buffer.alloc(8) // its own: the call before may still be under way
        return answer(await beside(call, NVML.unknown, at.pointer, out), () => u64(out, 0))
      }
    },
    violation(at, policy) {
      const call = bind('nvmlDeviceGetViolationStatus', [DEVICE, 'int', OUT])
      const out = Buffer.alloc(VIOLATION.size)
      return () => answer(call(at.pointer, policy, out), () => u64(out, VIOLATION.violation))
    },
    temperature(at) {
      const out = Buffer.alloc(TEMPERATURE.size)
      out.writeUInt32LE(TEMPERATURE_V1_VERSION, TEMPERATURE.version)
      const versioned = one('nvmlDeviceGetTemperatureV')
      return either(
        () => answer(versioned(at.pointer, out), () => out.readInt32LE(TEMPERATURE.value)),
        read32Of('nvmlDeviceGetTemperature', at, 0),
      )
    },
    clock: (at, type) => read32Of('nvmlDeviceGetClockInfo', at, type),
    utilisation(at) {
      const call = one('nvmlDeviceGetUtilizationRates')
      const out = Buffer.alloc(UTILISATION.size)
      return () => answer(call(at.pointer, out), () => u32(out, UTILISATION.gpu))
    },
    memoryUsed(at) {
      const out = Buffer.alloc(MEMORY_V2.size)
      const [second, first] = [one('nvmlDeviceGetMemoryInfo_v2'), one('nvmlDeviceGetMemoryInfo')]
      return either(
        () => {
          out.writeUInt32LE(MEMORY_V2_VERSION, MEMORY_V2.version)
          return answer(second(at.pointer, out), () => u64(out, MEMORY_V2.used))
        },
        () => answer(first(at.pointer, out), () => u64(out, MEMORY.used)),
      )
    },
    throttleReasons: (at) =>
      either(
        read64('nvmlDeviceGetCurrentClocksEventReasons', at),
        read64('nvmlDeviceGetCurrentClocksThrottleReasons', at),
      ),
  }
}
