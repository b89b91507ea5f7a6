import type { CudaDevice, CudaFunction, LaunchParameters } from '../ffi/cuda.ts'
import { FILL_PTX, KERNEL, KERNELS, type KernelName, THREADS } from './kernels.ts'
import type { BurstWorkerInfo, Operands } from './protocol.ts'

/** A launch takes about so long: short beside a burst, and no desktop's watchdog minds. */
const LAUNCH_S = 0.4e-3
/** Steps of the first launch that is timed: under a millisecond on any card. */
const FIRST_STEPS = 50
const BYTES_PER_WORD = 4

/** Makes one GPU work for a known count of launches. */
export interface Heater {
  readonly info: BurstWorkerInfo
  /**
   * What the next bursts do. A launch of a kernel always has the same steps, found at its first use.
   * @returns seconds that one launch takes when others surround it
   */
  use(kernel: KernelName, operands: Operands): number
  /** So many launches on an idle GPU; the times just before the first and just after the last has ended. */
  burst(launches: number): { readonly begin_ns: bigint; readonly end_ns: bigint }
}

interface Ready {
  readonly function_: CudaFunction
  readonly blocks: number
  readonly bytes: number
  steps: number
}

export function createHeater(device: CudaDevice): Heater {
  const { driver_version, multiprocessors, capability } = device
  const sink = device.allocate(BYTES_PER_WORD)
  const compiled = new Map<KernelName, Ready>()
  const memory = new Map<string, bigint>()
  let now: { readonly kernel: Ready; readonly parameters: LaunchParameters } | null = null

  function compile(name: KernelName): Ready {
    const { ptx, entry, bytes } = KERNEL[name]
    const function_ = device.compile(ptx, entry)
    const blocks = multiprocessors * device.blocksPerMultiprocessor(function_, THREADS)
    return { function_, blocks, bytes, steps: FIRST_STEPS }
  }

  /** One buffer for each size and kind; kernels of one size share theirs. */
  function operandsOf(bytes: number, operands: Operands): bigint {
    const address = device.allocate(bytes)
    const words = bytes / BYTES_PER_WORD
    if (operands === 'zero') device.clear(address, words)
    else {
      const fill = device.compile(FILL_PTX, 'fill')
      device.launch(fill, 4 * multiprocessors, THREADS, [u64(address), u32(words)])
    }
    device.synchronize()
    return address
  }

  const parametersOf = ({ bytes, steps }: Ready, operands: bigint): LaunchParameters => [
    u64(operands),
    u64(sink),
    u32(bytes - 1),
    u32(steps),
  ]

  const burst: Heater['burst'] = (launches) => {
    if (now === null) throw new Error('A burst needs a kernel first.')
    const { kernel, parameters } = now
    const begin_ns = process.hrtime.bigint()
    for (let i = 0; i < launches; i++)
      device.launch(kernel.function_, kernel.blocks, THREADS, parameters)
    device.synchronize()
    return { begin_ns, end_ns: process.hrtime.bigint() }
  }
  const seconds = (launches: number): number => {
    const { begin_ns, end_ns } = burst(launches)
    return Number(end_ns - begin_ns) / 1e9 / launches
  }

  return {
    info: {
      driver_version,
      multiprocessors,
      capability,
      kernels: KERNELS.filter((name) => KERNEL[name].runsOn(capability)),
    },
    use(name, operands) {
      const known = compiled.get(name)
      const kernel = known ?? compile(name)
      compiled.set(name, kernel)
      const key = `${kernel.bytes} ${operands}`
      const address = memory.get(key) ?? operandsOf(kernel.bytes, operands)
      memory.set(key, address)
      const set = () => {
        now = { kernel, parameters: parametersOf(kernel, address) }
      }
      set()
      seconds(2) // the first launch of a function loads its code
      if (known === undefined) {
        // Twice, as the first time the clocks are low and a launch is mostly overhead.
        for (const launches of [4, 40]) {
          kernel.steps = Math.max(1, Math.round((kernel.steps * LAUNCH_S) / seconds(launches)))
          set()
        }
      }
      return seconds(100)
    },
    burst,
  }
}

function u64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(value)
  return buffer
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32LE(value)
  return buffer
}
