import { known, type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import { AMDSMI, isPassing, reasonOfStatus } from './amdsmi-codes.ts'
import {
  ACTIVITY,
  CLOCK_INFO,
  ENUMERATION,
  KFD_INFO,
  POWER,
  POWER_CAP,
  pciName,
  ROOM,
  UUID_ROOM,
  u32,
  u64,
  VRAM_USAGE,
} from './amdsmi-layout.ts'
import {
  celsius,
  type EnergyCount,
  energyCount,
  type LibraryVersion,
  times,
  type Violations,
  versionIn,
  violationsIn,
} from './amdsmi-values.ts'
import { text } from './c-text.ts'
import { beside, loadLibrary, type NativeFunction } from './native-library.ts'

/** A processor (a GPU, a die or a partition of one) as the library knows it. */
export type AmdHandle = bigint
/** Reads one value of one processor. Reuses its buffer. */
export type AmdReader = () => Maybe

export const TEMPERATURE = { edge: 0, hotspot: 1, memory: 2 } as const
export const CLOCK = { graphics: 0, memory: 4 } as const
export type PowerKind = 'current' | 'average'

/** AMDSMI by what it tells. Nothing throws: a call that fails gives the reason. */
export interface Amdsmi extends LibraryVersion {
  readonly path: string
  shutdown(): void
  /** The processors of each socket: several where a GPU is divided into partitions. */
  sockets(): Maybe<readonly (readonly AmdHandle[])[]>
  uuid(at: AmdHandle): Maybe<string>
  pci(at: AmdHandle): Maybe<string>
  model(at: AmdHandle): Maybe<string>
  /** Its number in HIP; ROCm 6.4 and newer tell. */
  hipIndex(at: AmdHandle): Maybe
  /** Its number among the kernel's compute nodes, which HIP keeps to. */
  node(at: AmdHandle): Maybe
  /** The name that the kernel lists its processes under. */
  kfdId(at: AmdHandle): Maybe<string>
  /** Bytes. */
  memoryTotal(at: AmdHandle): Maybe
  /** µW. */
  defaultPowerCap(at: AmdHandle): Maybe
  /** µW. */
  powerCap(at: AmdHandle): AmdReader
  /** W. Cards know one or both kinds. */
  power(at: AmdHandle, kind: PowerKind): AmdReader
  energy(at: AmdHandle): () => Promise<Maybe<EnergyCount>>
  /** °C. */
  temperature(at: AmdHandle, sensor: number): AmdReader
  /** MHz. */
  clock(at: AmdHandle, type: number): AmdReader
  /** %. */
  activity(at: AmdHandle): AmdReader
  /** Bytes. */
  memoryUsed(at: AmdHandle): AmdReader
  /** Waits for 100 ms within the call: null where calls can't be made beside the event loop. */
  violations(at: AmdHandle): (() => Promise<Maybe<Violations>>) | null
}

const HANDLE = 'void *'
const OUT = 'void *'
const GPUS = 2n // AMDSMI_INIT_AMD_GPUS
const MIB = 1_048_576

/**
 * Loads and starts AMDSMI.
 * @param paths where it may be, best first
 */
export async function openAmdsmi(
  paths: readonly string[],
): Promise<
  | { amdsmi: Amdsmi }
  | { amdsmi: null; reason: Reason; tried: readonly string[]; code: number | null }
> {
  const loaded = await loadLibrary(paths, AMDSMI.not_supported)
  if (loaded.library === null)
    return { amdsmi: null, reason: 'no_library', tried: loaded.tried, code: null }
  const { library } = loaded
  const failed = (code: number | null, reason: Reason) => ({
    amdsmi: null,
    reason,
    tried: [library.path],
    code,
  })
  if (library.find('amdsmi_init', 'int', ['uint64_t']) === null) return failed(null, 'no_library')
  const bind = (name: string, args: readonly string[]) => library.bind(`amdsmi_${name}`, args)
  const code = bind('init', ['uint64_t'])(GPUS)
  if (code !== AMDSMI.ok) return failed(code, reasonOfStatus(code))

  const { version, generation, serialised } = askVersion(bind('get_lib_version', [OUT]))
  const later = async (call: NativeFunction, ...args: readonly unknown[]): Promise<number> => {
    const once = () =>
      serialised ? Promise.resolve(call(...args)) : beside(call, AMDSMI.api_failed, ...args)
    const first = await once()
    return isPassing(first) ? once() : first
  }
  /** Reads a structure that is asked for by the handle, and by `more` where the call takes a number beside. */
  const structOf = <T>(
    name: string,
    at: AmdHandle,
    value: (out: Buffer) => T | null,
    more: readonly number[] = [],
  ): (() => Maybe<T>) => {
    const call = bind(name, [HANDLE, ...more.map(() => 'uint32_t'), OUT])
    const out = Buffer.alloc(ROOM)
    return () => answer(askTwice(call, at, ...more, out), () => value(out))
  }
  const capOf = (at: AmdHandle, offset: number) =>
    structOf('get_power_cap_info', at, (out) => u64(out, offset), [0])
  const vramOf = (at: AmdHandle, offset: number) =>
    structOf('get_gpu_vram_usage', at, (out) => times(u32(out, offset), MIB))

  return {
    amdsmi: {
      path: library.path,
      version,
      generation,
      serialised,
      shutdown: () => void bind('shut_down', [])(),
      sockets() {
        const sockets = list((...args) => bind('get_socket_handles', [OUT, OUT])(...args))
        if (sockets.value === null) return sockets
        const inSocket = bind('get_processor_handles', [HANDLE, OUT, OUT])
        return known(sockets.value.map((s) => list((...args) => inSocket(s, ...args)).value ?? []))
      },
      uuid(at) {
        const length = Buffer.alloc(4)
        length.writeUInt32LE(UUID_ROOM)
        const out = Buffer.alloc(UUID_ROOM)
        const call = bind('get_gpu_device_uuid', [HANDLE, OUT, OUT])
        return answer(askTwice(call, at, length, out), () => text(out) || null)
      },
      pci: (at) => structOf('get_gpu_device_bdf', at, (out) => pciName(out.readBigUInt64LE()))(),
      model: (at) => structOf('get_gpu_asic_info', at, (out) => text(out, 0, 256) || null)(),
      hipIndex: (at) =>
        structOf('get_gpu_enumeration_info', at, (out) => u32(out, ENUMERATION.hip_id))(),
      node: (at) => structOf('get_gpu_kfd_info', at, (out) => u32(out, KFD_INFO.node_id))(),
      kfdId: (at) =>
        structOf('get_gpu_kfd_info', at, (out) => {
          const id = out.readBigUInt64LE(KFD_INFO.kfd_id)
          return id === 0xffff_ffff_ffff_ffffn ? null : String(id)
        })(),
      memoryTotal: (at) => vramOf(at, VRAM_USAGE.total)(),
      defaultPowerCap: (at) => capOf(at, POWER_CAP.default_cap)(),
      powerCap: (at) => capOf(at, POWER_CAP.cap),
      power(at, kind) {
        if (generation === null) return () => unknown('unsupported')
        const offset = POWER[generation][kind]
        return structOf('get_power_info', at, (out) => u32(out, offset))
      },
      energy(at) {
        const call = bind('get_energy_count', [HANDLE, OUT, OUT, OUT])
        return async () => {
          // Their own: the call before may still be under way.
          const [count, resolution, stamp] = [Buffer.alloc(8), Buffer.alloc(4), Buffer.alloc(8)]
          const code = await later(call, at, count, resolution, stamp)
          return answer(code, () => energyCount(u64(count, 0), resolution.readFloatLE()))
        }
      },
      temperature(at, sensor) {
        const call = bind('get_temp_metric', [HANDLE, 'uint32_t', 'uint32_t', OUT])
        const out = Buffer.alloc(8)
        return () => answer(askTwice(call, at, sensor, 0, out), () => celsius(out))
      },
      clock: (at, type) =>
        structOf('get_clock_info', at, (out) => u32(out, CLOCK_INFO.clock), [type]),
      activity: (at) => structOf('get_gpu_activity', at, (out) => u32(out, ACTIVITY.gfx)),
      memoryUsed: (at) => vramOf(at, VRAM_USAGE.used),
      violations(at) {
        if (serialised || generation !== 26) return null
        const call = bind('get_violation_status', [HANDLE, OUT])
        return async () => {
          const out = Buffer.alloc(ROOM)
          return answer(await later(call, at, out), () => violationsIn(out))
        }
      },
    },
  }
}

/** The value after a call that answered `code`; a value that the library itself does not know is unsupported. */
function answer<T>(code: number, value: () => T | null): Maybe<T> {
  if (code !== AMDSMI.ok) return unknown(reasonOfStatus(code))
  const result = value()
  return result === null ? unknown('unsupported') : known(result)
}

/** A busy device mostly answers the second time. */
function askTwice(call: NativeFunction, ...args: readonly unknown[]): number {
  const first = call(...args)
  return isPassing(first) ? call(...args) : first
}

/** A list that is asked for its length first. */
function list(call: (count: Buffer, out: Buffer | null) => number): Maybe<readonly bigint[]> {
  const count = Buffer.alloc(4)
  const code = call(count, null)
  if (code !== AMDSMI.ok) return unknown(reasonOfStatus(code))
  const room = count.readUInt32LE()
  const out = Buffer.alloc(Math.max(room, 1) * 8)
  return answer(call(count, out), () =>
    Array.from({ length: Math.min(room, count.readUInt32LE()) }, (_, i) =>
      out.readBigUInt64LE(i * 8),
    ),
  )
}

function askVersion(call: NativeFunction): LibraryVersion {
  const out = Buffer.alloc(ROOM)
  return call(out) === AMDSMI.ok
    ? versionIn(out)
    : { version: 'unknown', generation: null, serialised: true }
}
