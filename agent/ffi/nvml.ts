import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import { beside, loadLibrary, type NativeFunction } from './native-library.ts'
import { NVML, reasonOfCode } from './nvml-codes.ts'
import {
  FIELD_VALUE,
  MEMORY,
  MEMORY_V2,
  MEMORY_V2_VERSION,
  PCI_INFO,
  PROCESS_INFO,
  SAMPLE,
  TEMPERATURE,
  TEMPERATURE_V1_VERSION,
  text,
  UTILISATION,
  u32,
  u64,
  unionValue,
} from './nvml-layout.ts'
import { nvmlPaths } from './nvml-paths.ts'

/** A device as the driver knows it. The pointer changes when a lost device comes back. */
export interface NvmlHandle {
  pointer: bigint
}

/** Reads one value of one device. Reuses its buffer. */
export type Reader = () => Maybe

/** One entry of the driver's own record of power: the mean of the period that ends at the stamp. */
export interface RingSample {
  /** Wall time, µs since 1970. */
  readonly stamp_us: number
  /** null: the driver does not know. */
  readonly power_mw: number | null
}

export const FIELD = { memory_temperature: 82, power_instant: 186 } as const
export const SCOPE = { gpu: 0, module: 1 } as const
export const CLOCK = { sm: 1, memory: 2 } as const

/** NVML by what it tells. Nothing throws: a call that fails gives the reason. */
export interface Nvml {
  readonly path: string
  shutdown(): void
  driverVersion(): Maybe<string>
  /** 1000 × major + 10 × minor. */
  cudaVersion(): Maybe
  deviceCount(): Maybe
  handleByIndex(index: number): Maybe<bigint>
  /** May take long where the driver has to wake the device, so it runs beside the event loop. */
  handleByUuid(uuid: string): Promise<Maybe<bigint>>
  uuid(at: NvmlHandle): Maybe<string>
  model(at: NvmlHandle): Maybe<string>
  pci(at: NvmlHandle): Maybe<string>
  /** 4 Pascal, 5 Volta, 6 Turing, 7 Ampere, 8 Ada, 9 Hopper, 10 Blackwell. */
  architecture(at: NvmlHandle): Maybe
  memoryTotal(at: NvmlHandle): Maybe
  defaultPowerLimit(at: NvmlHandle): Maybe
  persistenceMode(at: NvmlHandle): Maybe
  migMode(at: NvmlHandle): Maybe
  /** Host pids of the processes that compute on the device. */
  processes(at: NvmlHandle): Maybe<readonly number[]>
  powerRing(at: NvmlHandle): (lastSeen_us: number) => Maybe<readonly RingSample[]>
  field(at: NvmlHandle, field: number, scope: number): Reader
  powerUsage(at: NvmlHandle): Reader
  /** mJ since the driver was loaded. Takes milliseconds, so it runs beside the event loop. */
  energy(at: NvmlHandle): () => Promise<Maybe>
  temperature(at: NvmlHandle): Reader
  clock(at: NvmlHandle, type: number): Reader
  utilisation(at: NvmlHandle): Reader
  memoryUsed(at: NvmlHandle): Reader
  throttleReasons(at: NvmlHandle): Reader
  enforcedPowerLimit(at: NvmlHandle): Reader
}

const DEVICE = 'void *'
const OUT = 'void *'
/** The driver keeps 119 samples; a newer one may keep more. */
const RING_ROOM = 512
const RING_ROOM_MAX = 65_536

/**
 * Loads and starts NVML.
 * @param path the library to use, or null to search the usual places
 */
export async function openNvml(
  path: string | null,
): Promise<
  { nvml: Nvml } | { nvml: null; reason: Reason; tried: readonly string[]; code: number | null }
> {
  const loaded = await loadLibrary(nvmlPaths(path), NVML.function_not_found)
  if (loaded.library === null)
    return { nvml: null, reason: 'no_library', tried: loaded.tried, code: null }
  const { bind, path: found } = loaded.library
  const code = bind('nvmlInit_v2', [])()
  if (code !== NVML.ok)
    return {
      nvml: null,
      reason: code === NVML.function_not_found ? 'no_library' : reasonOfCode(code),
      tried: [found],
      code,
    }

  const one = (name: string) => bind(name, [DEVICE, OUT])
  const u32Of = (name: string, at: NvmlHandle) => read32(one(name), at)
  const textOf = (name: string, at: NvmlHandle): Maybe<string> => {
    const out = Buffer.alloc(96)
    return answer(bind(name, [DEVICE, OUT, 'uint32_t'])(at.pointer, out, out.length), () =>
      text(out),
    )
  }
  const handle = Buffer.alloc(8)

  const nvml: Nvml = {
    path: found,
    shutdown: () => void bind('nvmlShutdown', [])(),
    driverVersion() {
      const out = Buffer.alloc(80)
      const code = bind('nvmlSystemGetDriverVersion', [OUT, 'uint32_t'])(out, out.length)
      return answer(code, () => text(out))
    },
    cudaVersion: () => answer32(bind('nvmlSystemGetCudaDriverVersion_v2', [OUT])),
    deviceCount: () => answer32(bind('nvmlDeviceGetCount_v2', [OUT])),
    handleByIndex(index) {
      const code = bind('nvmlDeviceGetHandleByIndex_v2', ['uint32_t', OUT])(index, handle)
      return answer(code, () => handle.readBigUInt64LE())
    },
    async handleByUuid(uuid) {
      const out = Buffer.alloc(8)
      const call = bind('nvmlDeviceGetHandleByUUID', ['const char *', OUT])
      return answer(await beside(call, NVML.unknown, uuid, out), () => out.readBigUInt64LE())
    },
    uuid: (at) => textOf('nvmlDeviceGetUUID', at),
    model: (at) => textOf('nvmlDeviceGetName', at),
    pci(at) {
      const out = Buffer.alloc(PCI_INFO.size)
      const code = one('nvmlDeviceGetPciInfo_v3')(at.pointer, out)
      return answer(code, () => text(out, PCI_INFO.bus_id, PCI_INFO.bus_id_size))
    },
    architecture: (at) => u32Of('nvmlDeviceGetArchitecture', at)(),
    memoryTotal: (at) => memory(at, 'total')(),
    defaultPowerLimit: (at) => u32Of('nvmlDeviceGetPowerManagementDefaultLimit', at)(),
    persistenceMode: (at) => u32Of('nvmlDeviceGetPersistenceMode', at)(),
    migMode(at) {
      const now = Buffer.alloc(4)
      const call = bind('nvmlDeviceGetMigMode', [DEVICE, OUT, OUT])
      return answer(call(at.pointer, now, Buffer.alloc(4)), () => u32(now, 0))
    },
    processes: (at) =>
      processes(bind('nvmlDeviceGetComputeRunningProcesses_v3', [DEVICE, OUT, OUT]), at),
    powerRing: (at) =>
      ring(bind('nvmlDeviceGetSamples', [DEVICE, 'int', 'uint64_t', OUT, OUT, OUT]), at),
    field: (at, id, scope) =>
      field(bind('nvmlDeviceGetFieldValues', [DEVICE, 'int', OUT]), at, id, scope),
    powerUsage: (at) => u32Of('nvmlDeviceGetPowerUsage', at),
    energy(at) {
      const call = one('nvmlDeviceGetTotalEnergyConsumption')
      return async () => {
        const out = Buffer.alloc(8) // its own: the call before may still be under way
        return answer(await beside(call, NVML.unknown, at.pointer, out), () => u64(out, 0))
      }
    },
    temperature: (at) => {
      const out = Buffer.alloc(TEMPERATURE.size)
      out.writeUInt32LE(TEMPERATURE_V1_VERSION, TEMPERATURE.version)
      const versioned = one('nvmlDeviceGetTemperatureV')
      const plain = bind('nvmlDeviceGetTemperature', [DEVICE, 'int', OUT])
      return either(
        () => answer(versioned(at.pointer, out), () => out.readInt32LE(TEMPERATURE.value)),
        () => answer(plain(at.pointer, 0, out), () => u32(out, 0)),
      )
    },
    clock(at, type) {
      const call = bind('nvmlDeviceGetClockInfo', [DEVICE, 'int', OUT])
      const out = Buffer.alloc(4)
      return () => answer(call(at.pointer, type, out), () => u32(out, 0))
    },
    utilisation(at) {
      const call = one('nvmlDeviceGetUtilizationRates')
      const out = Buffer.alloc(UTILISATION.size)
      return () => answer(call(at.pointer, out), () => u32(out, UTILISATION.gpu))
    },
    memoryUsed: (at) => memory(at, 'used'),
    throttleReasons: (at) =>
      either(
        read64(one('nvmlDeviceGetCurrentClocksEventReasons'), at),
        read64(one('nvmlDeviceGetCurrentClocksThrottleReasons'), at),
      ),
    enforcedPowerLimit: (at) => u32Of('nvmlDeviceGetEnforcedPowerLimit', at),
  }
  const memory = (at: NvmlHandle, part: 'total' | 'used'): Reader => {
    const out = Buffer.alloc(MEMORY_V2.size)
    const [second, first] = [one('nvmlDeviceGetMemoryInfo_v2'), one('nvmlDeviceGetMemoryInfo')]
    return either(
      () => {
        out.writeUInt32LE(MEMORY_V2_VERSION, MEMORY_V2.version)
        return answer(second(at.pointer, out), () => u64(out, MEMORY_V2[part]))
      },
      () => answer(first(at.pointer, out), () => u64(out, MEMORY[part])),
    )
  }
  return { nvml }
}

/** The value after a call that answered `code`; a value that the driver itself does not know is unsupported. */
function answer<T>(code: number, value: () => T | null): Maybe<T> {
  if (code !== NVML.ok) return unknown(reasonOfCode(code))
  const result = value()
  return result === null ? unknown('unsupported') : known(result)
}

function answer32(call: NativeFunction): Maybe {
  const out = Buffer.alloc(4)
  return answer(call(out), () => u32(out, 0))
}

function read32(call: NativeFunction, at: NvmlHandle): Reader {
  const out = Buffer.alloc(4)
  return () => answer(call(at.pointer, out), () => u32(out, 0))
}

function read64(call: NativeFunction, at: NvmlHandle): Reader {
  const out = Buffer.alloc(8)
  return () => answer(call(at.pointer, out), () => u64(out, 0))
}

/** The newer call, and for good the older one once the driver turned out not to know the newer. */
function either(newer: Reader, older: Reader): Reader {
  let reader = newer
  return () => {
    const result = reader()
    if (reader === older || result.reason !== 'unsupported') return result
    const fallback = older()
    if (fallback.value !== null) reader = older
    return fallback
  }
}

function field(call: NativeFunction, at: NvmlHandle, id: number, scope: number): Reader {
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
}

/**
 * All samples after a stamp, as the driver gives them: the caller judges their order. Asks again where they
 * did not fit.
 */
function ring(
  call: NativeFunction,
  at: NvmlHandle,
): (lastSeen_us: number) => Maybe<readonly RingSample[]> {
  const POWER = 0
  const type = Buffer.alloc(4)
  const count = Buffer.alloc(4)
  let room = RING_ROOM
  let entries = Buffer.alloc(room * SAMPLE.size)
  const ask = (lastSeen_us: number): number => {
    count.writeUInt32LE(room)
    return call(at.pointer, POWER, BigInt(lastSeen_us), type, count, entries)
  }
  const grow = (): boolean => {
    if (room >= RING_ROOM_MAX) return false
    room *= 2
    entries = Buffer.alloc(room * SAMPLE.size)
    return true
  }
  return (lastSeen_us) => {
    let code = ask(lastSeen_us)
    while (
      (code === NVML.insufficient_size || (code === NVML.ok && count.readUInt32LE() >= room)) &&
      grow()
    )
      code = ask(lastSeen_us)
    if (code === NVML.not_found || code === NVML.no_data) return known([])
    return answer(code, () => {
      const valueType = type.readInt32LE()
      return Array.from({ length: Math.min(count.readUInt32LE(), room) }, (_, i) => ({
        stamp_us: Number(entries.readBigUInt64LE(i * SAMPLE.size + SAMPLE.stamp)),
        power_mw: unionValue(entries, i * SAMPLE.size + SAMPLE.value, valueType),
      }))
    })
  }
}

function processes(call: NativeFunction, at: NvmlHandle): Maybe<readonly number[]> {
  const count = Buffer.alloc(4)
  let room = 64
  // Processes come between the two calls, hence the slack and the tries.
  for (let attempt = 0; attempt < 4; attempt++) {
    const list = Buffer.alloc(room * PROCESS_INFO.size)
    count.writeUInt32LE(room)
    const code = call(at.pointer, count, list)
    if (code === NVML.insufficient_size) {
      room = count.readUInt32LE() + 16
      continue
    }
    return answer(code, () =>
      Array.from({ length: Math.min(count.readUInt32LE(), room) }, (_, i) =>
        list.readUInt32LE(i * PROCESS_INFO.size + PROCESS_INFO.pid),
      ),
    )
  }
  return unknown('not_recorded')
}
