import { loadLibrary, type NativeFunction } from './native-library.ts'

/** CUDA's driver answered with an error, or is not there. The message is a sentence. */
export class CudaError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CudaError'
  }
}

/** A function of a compiled module, ready to be launched. */
export interface CudaFunction {
  readonly pointer: bigint
}

/** A launch's parameters, each in a buffer of its own size. */
export type LaunchParameters = readonly Buffer[]

/** One GPU through CUDA's driver, and its primary context, current in this thread. Calls wait; all throw CudaError. */
export interface CudaDevice {
  readonly driver_version: number
  readonly multiprocessors: number
  /** 10 × major + minor. */
  readonly capability: number
  /** Compiles PTX text and finds a function in it. */
  compile(ptx: string, entry: string): CudaFunction
  /** Blocks of so many threads that one multiprocessor holds. */
  blocksPerMultiprocessor(function_: CudaFunction, threads: number): number
  /** Address of new device memory. */
  allocate(bytes: number): bigint
  /** Sets whole 32-bit words. */
  clear(address: bigint, words: number): void
  /** Puts one launch into the device's queue. */
  launch(
    function_: CudaFunction,
    blocks: number,
    threads: number,
    parameters: LaunchParameters,
  ): void
  /** Waits until the queue is empty. */
  synchronize(): void
}

/** The driver's library; with `override` only that one. */
export function cudaPaths(override: string | null): readonly string[] {
  if (override !== null) return [override]
  return process.platform === 'win32' ? ['nvcuda.dll'] : ['libcuda.so.1', 'libcuda.so']
}

/** What a driver too old for a function is taken to answer. */
const CUDA_ERROR_NOT_FOUND = 500
const ATTRIBUTE = { multiprocessors: 16, capability_major: 75, capability_minor: 76 } as const

/**
 * Opens the GPU of this UUID (`GPU-...`, as NVML names it).
 * @throws CudaError where there is no driver, no such GPU, or it refuses
 */
export async function openCuda(uuid: string, path: string | null): Promise<CudaDevice> {
  const loaded = await loadLibrary(cudaPaths(path), CUDA_ERROR_NOT_FOUND)
  if (loaded.library === null)
    throw new CudaError(
      `CUDA's driver library could not be loaded (${loaded.tried.join('; ')}). Install the NVIDIA driver's compute part; where the library lies elsewhere set LLEM_CUDA_PATH.`,
    )
  const { bind } = loaded.library
  const errorName = bind('cuGetErrorName', ['int', '_Out_ const char **'])
  const check = (call: string, code: number): void => {
    if (code === 0) return
    throw new CudaError(`${call} failed: ${nameOf(errorName, code)}.`)
  }
  const call = (name: string, types: readonly string[], ...args: readonly unknown[]) =>
    check(name, bind(name, types)(...args))
  const out = Buffer.alloc(8)
  const pointerOf = (name: string, types: readonly string[], ...args: readonly unknown[]) => {
    call(name, ['void *', ...types], out, ...args)
    return out.readBigUInt64LE()
  }
  const intOf = (name: string, types: readonly string[], ...args: readonly unknown[]) => {
    call(name, ['void *', ...types], out, ...args)
    return out.readInt32LE()
  }

  call('cuInit', ['uint32_t'], 0)
  const device = findDevice(uuid, {
    count: () => intOf('cuDeviceGetCount', []),
    device: (i) => intOf('cuDeviceGet', ['int'], i),
    uuid(at) {
      const bytes = Buffer.alloc(16)
      call('cuDeviceGetUuid_v2', ['void *', 'int'], bytes, at)
      return uuidText(bytes)
    },
  })
  const attribute = (id: number) => intOf('cuDeviceGetAttribute', ['int', 'int'], id, device)
  const driver_version = intOf('cuDriverGetVersion', [])
  const context = pointerOf('cuDevicePrimaryCtxRetain', ['int'], device)
  call('cuCtxSetCurrent', ['void *'], context)
  const launch = bind('cuLaunchKernel', [
    'void *',
    ...new Array<string>(7).fill('uint32_t'),
    'void *',
    'void **',
    'void *',
  ])
  const synchronize = bind('cuCtxSynchronize', [])
  return {
    driver_version,
    multiprocessors: attribute(ATTRIBUTE.multiprocessors),
    capability: 10 * attribute(ATTRIBUTE.capability_major) + attribute(ATTRIBUTE.capability_minor),
    compile(ptx, entry) {
      const module = pointerOf('cuModuleLoadData', ['const char *'], ptx)
      return {
        pointer: pointerOf('cuModuleGetFunction', ['void *', 'const char *'], module, entry),
      }
    },
    blocksPerMultiprocessor: ({ pointer }, threads) =>
      intOf(
        'cuOccupancyMaxActiveBlocksPerMultiprocessor',
        ['void *', 'int', 'size_t'],
        pointer,
        threads,
        0,
      ),
    allocate: (bytes) => pointerOf('cuMemAlloc_v2', ['size_t'], bytes),
    clear: (address, words) =>
      call('cuMemsetD32_v2', ['uint64_t', 'uint32_t', 'size_t'], address, 0, words),
    launch: ({ pointer }, blocks, threads, parameters) =>
      check(
        'cuLaunchKernel',
        launch(pointer, blocks, 1, 1, threads, 1, 1, 0, null, parameters, null),
      ),
    synchronize: () => check('cuCtxSynchronize', synchronize()),
  }
}

function findDevice(
  uuid: string,
  driver: { count(): number; device(index: number): number; uuid(device: number): string },
): number {
  const seen: string[] = []
  for (let i = 0; i < driver.count(); i++) {
    const device = driver.device(i)
    const own = driver.uuid(device)
    if (own === uuid) return device
    seen.push(own)
  }
  throw new CudaError(
    `CUDA does not show the GPU ${uuid}; it shows ${seen.join(', ') || 'none'}. A GPU in MIG mode can't be used as a whole.`,
  )
}

/** 16 bytes as NVML writes them: GPU-8-4-4-4-12. */
function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `GPU-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** CUDA_ERROR_OUT_OF_MEMORY and the like; the number where the driver has no name for it. */
function nameOf(errorName: NativeFunction, code: number): string {
  const name: [string | null] = [null]
  return errorName(code, name) === 0 && name[0] !== null ? name[0] : `CUDA error ${code}`
}
