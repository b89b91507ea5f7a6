import type { Device } from '../../analysis/schema/device.ts'
import { type Maybe, type Reason, unknown } from '../../analysis/schema/reason.ts'
import type { Nvml, NvmlHandle } from '../ffi/nvml.ts'

/** Waits between tries to find a lost device again, s. */
const FIRST_RETRY_S = 1
const LAST_RETRY_S = 30

/** A GPU, and whether it answers. */
export interface NvmlDevice {
  readonly uuid: string
  readonly device: Device
  readonly handle: NvmlHandle
  /** What may change the meaning of its readings. */
  readonly environment: Readonly<Record<string, unknown>>
  /**
   * Reads, unless the GPU is lost: then it is left alone, other GPUs go on, and it is looked for by its UUID from
   * time to time.
   */
  guarded<T>(read: () => Maybe<T>): Maybe<T>
  /** The same for a reading that answers later. */
  guardedLater<T>(read: () => Promise<Maybe<T>>): Promise<Maybe<T>>
}

/**
 * Asks a device who it is.
 * @returns the device, or why it can't be used: one without UUID can't be told from another
 */
export function describeDevice(
  nvml: Nvml,
  index: number,
  now_ns: () => number,
): { device: NvmlDevice } | { device: null; reason: Reason } {
  const found = nvml.handleByIndex(index)
  if (found.value === null) return { device: null, reason: found.reason }
  const handle: NvmlHandle = { pointer: found.value }
  const uuid = nvml.uuid(handle)
  if (uuid.value === null) return { device: null, reason: uuid.reason }
  const device_id = uuid.value
  const default_limit_w = watts(nvml.defaultPowerLimit(handle))
  const enforced_limit_w = watts(nvml.enforcedPowerLimit(handle)())
  const device: Device = {
    device_id,
    kind: 'gpu',
    vendor: 'nvidia',
    model: nvml.model(handle).value,
    tdp_w: default_limit_w,
    power_limit_w: enforced_limit_w,
    memory_bytes: nvml.memoryTotal(handle).value,
    index,
    pci: nvml.pci(handle).value,
    architecture: architectureName(nvml.architecture(handle).value),
  }
  const environment = {
    persistence_mode: flag(nvml.persistenceMode(handle)),
    mig_mode: flag(nvml.migMode(handle)),
    default_limit_w,
    enforced_limit_w,
  }
  return {
    device: {
      uuid: device_id,
      device,
      handle,
      environment,
      ...watch(nvml, device_id, handle, now_ns),
    },
  }
}

function watch(
  nvml: Nvml,
  uuid: string,
  handle: NvmlHandle,
  now_ns: () => number,
): Pick<NvmlDevice, 'guarded' | 'guardedLater'> {
  let lost: { retry_ns: number; wait_s: number; looking: boolean } | null = null
  const note = <T>(result: Maybe<T>): Maybe<T> => {
    if (result.reason === 'lost' && lost === null)
      lost = { retry_ns: now_ns() + FIRST_RETRY_S * 1e9, wait_s: FIRST_RETRY_S, looking: false }
    return result
  }
  const look = () => {
    if (lost === null || lost.looking || now_ns() < lost.retry_ns) return
    const since = lost
    since.looking = true
    void nvml.handleByUuid(uuid).then((found) => {
      since.looking = false
      if (found.value !== null) {
        handle.pointer = found.value
        lost = null
      } else {
        since.wait_s = Math.min(LAST_RETRY_S, since.wait_s * 2)
        since.retry_ns = now_ns() + since.wait_s * 1e9
      }
    })
  }
  return {
    guarded(read) {
      look()
      return lost === null ? note(read()) : unknown('lost')
    },
    async guardedLater(read) {
      look()
      return lost === null ? note(await read()) : unknown('lost')
    },
  }
}

const watts = ({ value }: Maybe): number | null =>
  value === null || value === 0 ? null : value / 1000
const flag = ({ value }: Maybe): boolean | null => (value === null ? null : value !== 0)

const ARCHITECTURES: Readonly<Record<number, string>> = {
  2: 'kepler',
  3: 'maxwell',
  4: 'pascal',
  5: 'volta',
  6: 'turing',
  7: 'ampere',
  8: 'ada',
  9: 'hopper',
  10: 'blackwell',
}
const architectureName = (code: number | null): string | null =>
  code === null ? null : (ARCHITECTURES[code] ?? null)
