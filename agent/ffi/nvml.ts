import type { Maybe, Reason } from '../../analysis/schema/reason.ts'
import { text } from './c-text.ts'
import { beside, loadLibrary, type NativeFunction } from './native-library.ts'
import { type AboutCalls, aboutCalls } from './nvml-about.ts'
import { answer, callsOf, OUT } from './nvml-call.ts'
import { NVML, reasonOfCode } from './nvml-codes.ts'
import { u32 } from './nvml-layout.ts'
import { type LinkCalls, linkCalls } from './nvml-links.ts'
import { type PartitionCalls, partitionCalls } from './nvml-partitions.ts'
import { nvmlPaths } from './nvml-paths.ts'
import { type ProcessCalls, processCalls } from './nvml-processes.ts'
import { type ReadingCalls, readingCalls } from './nvml-readings.ts'
import { type StateCalls, stateCalls } from './nvml-state.ts'

/** The driver itself, and how its devices are found. */
export interface SystemCalls {
  readonly path: string
  shutdown(): void
  /**
   * Ends the library and starts it anew, as a driver that was loaded again wants it; void afterwards are all
   * handles. Beside the event loop: waking devices takes long.
   */
  restart(): Promise<Maybe<true>>
  driverVersion(): Maybe<string>
  /** 1000 × major + 10 × minor. */
  cudaVersion(): Maybe
  deviceCount(): Maybe
  handleByIndex(index: number): Maybe<bigint>
  /** May take long where the driver has to wake the device, so it runs beside the event loop. */
  handleByUuid(uuid: string): Promise<Maybe<bigint>>
}

/** NVML by what it tells. Nothing throws: a call that fails gives the reason. */
export type Nvml = SystemCalls &
  AboutCalls &
  StateCalls &
  ReadingCalls &
  ProcessCalls &
  LinkCalls &
  PartitionCalls

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
  const start = bind('nvmlInit_v2', [])
  const end = bind('nvmlShutdown', [])
  const code = start()
  if (code !== NVML.ok)
    return {
      nvml: null,
      reason: code === NVML.function_not_found ? 'no_library' : reasonOfCode(code),
      tried: [found],
      code,
    }
  const calls = callsOf(loaded.library)
  return {
    nvml: {
      path: found,
      shutdown: () => void end(),
      async restart() {
        await beside(end, NVML.unknown)
        return answer(await beside(start, NVML.unknown), () => true as const)
      },
      driverVersion() {
        const out = Buffer.alloc(80)
        const code = bind('nvmlSystemGetDriverVersion', [OUT, 'uint32_t'])(out, out.length)
        return answer(code, () => text(out))
      },
      cudaVersion: () => answer32(bind('nvmlSystemGetCudaDriverVersion_v2', [OUT])),
      deviceCount: () => answer32(bind('nvmlDeviceGetCount_v2', [OUT])),
      handleByIndex(index) {
        const out = Buffer.alloc(8)
        const call = bind('nvmlDeviceGetHandleByIndex_v2', ['uint32_t', OUT])
        return answer(call(index, out), () => out.readBigUInt64LE())
      },
      async handleByUuid(uuid) {
        const out = Buffer.alloc(8)
        const call = bind('nvmlDeviceGetHandleByUUID', ['const char *', OUT])
        return answer(await beside(call, NVML.unknown, uuid, out), () => out.readBigUInt64LE())
      },
      ...aboutCalls(calls),
      ...stateCalls(calls),
      ...readingCalls(calls),
      ...processCalls(calls),
      ...linkCalls(calls),
      ...partitionCalls(calls),
    },
  }
}

function answer32(call: NativeFunction): Maybe {
  const out = Buffer.alloc(4)
  return answer(call(out), () => u32(out, 0))
}
