import { join } from 'node:path'
import type { Device } from '../../analysis/schema/device.ts'
import type { Maybe, Reason } from '../../analysis/schema/reason.ts'
import type { AmdHandle, Amdsmi, PowerKind } from '../ffi/amdsmi.ts'
import { amdDeviceId, isDualDie, isModule, sharedDies } from './amd-identity.ts'
import { readText } from './files.ts'
import { isApu } from './hwmon-files.ts'
import { createLossGuard, type LossGuard } from './loss-guard.ts'
import { powered } from './reading.ts'

/** A GPU, or the part of one that shares another's power sensor. */
export interface AmdGpu extends LossGuard {
  readonly device: Device
  readonly handle: AmdHandle
  /** The device whose sensor counts this one too; null: it has its own. */
  readonly counted_by: string | null
  /** Which devices this one's sensor counts too. */
  readonly shared_with: readonly string[]
  readonly part: 'whole' | 'die' | 'partition'
  /** Its power is that of GPU, CPU and memory in one package. */
  readonly is_module: boolean
  /** The kernel's name for it in its list of processes. */
  readonly kfd_id: string | null
  readonly uuid: string | null
}

interface Processor {
  readonly handle: AmdHandle
  readonly id: string
  readonly pci: string
  readonly uuid: string | null
  readonly model: string | null
  readonly order: number
  readonly hip_index: number | null
  /** The first processor of its socket, of which this is a partition; null of the first itself. */
  readonly whole: string | null
}

/** A processor that is there and can't be used. */
export interface UnusedProcessor {
  readonly order: number
  readonly reason: Reason
}

/** The processors of this host, in HIP's order where the library tells it. */
export function findGpus(
  amdsmi: Amdsmi,
  sysfsRoot: string,
  now_ns: () => number,
): { gpus: readonly AmdGpu[]; unused: readonly UnusedProcessor[]; reason: Reason | null } {
  const sockets = amdsmi.sockets()
  if (sockets.value === null) return { gpus: [], unused: [], reason: sockets.reason }
  const processors: Processor[] = []
  const unused: UnusedProcessor[] = []
  for (const handles of sockets.value) {
    let whole: string | null = null
    for (const handle of handles) {
      const order = processors.length + unused.length
      const found = identify(amdsmi, handle, sysfsRoot, order, whole)
      if (found.value === null) unused.push({ order, reason: found.reason })
      else {
        processors.push(found.value)
        whole ??= found.value.id
      }
    }
  }
  processors.sort((a, b) => (a.hip_index ?? a.order) - (b.hip_index ?? b.order))
  const dies = processors.filter((p) => p.whole === null && isDualDie(p.model))
  const shared = sharedDies(
    dies.map((p) => ({ id: p.id, reads_power: powerKind(amdsmi, p.handle).value !== null })),
  )
  const countedBy = (p: Processor) => p.whole ?? shared.get(p.id) ?? null
  const gpus = processors.map((p, index): AmdGpu => {
    const counted_by = countedBy(p)
    return {
      device: describe(amdsmi, p, index, counted_by),
      handle: p.handle,
      counted_by,
      shared_with: processors.filter((q) => countedBy(q) === p.id).map((q) => q.id),
      part: p.whole !== null ? 'partition' : counted_by !== null ? 'die' : 'whole',
      is_module: isModule(p.model) || isApu(folderOf(sysfsRoot, p.pci)),
      kfd_id: amdsmi.kfdId(p.handle).value,
      uuid: p.uuid,
      ...createLossGuard(now_ns),
    }
  })
  return { gpus, unused, reason: null }
}

/** Which power a processor tells: the momentary one, else the average. Cards mostly know one of them. */
export function powerKind(amdsmi: Amdsmi, handle: AmdHandle): Maybe<PowerKind> {
  const current = powered(amdsmi.power(handle, 'current')())
  if (current.value !== null) return { value: 'current', reason: null }
  const average = powered(amdsmi.power(handle, 'average')())
  if (average.value !== null) return { value: 'average', reason: null }
  return current.reason === 'unsupported' ? average : current
}

function identify(
  amdsmi: Amdsmi,
  handle: AmdHandle,
  sysfsRoot: string,
  order: number,
  whole: string | null,
): Maybe<Processor> {
  const pci = amdsmi.pci(handle)
  if (pci.value === null) return pci
  const uuid = amdsmi.uuid(handle).value
  const unique_id = readText(join(folderOf(sysfsRoot, pci.value), 'unique_id')).text
  const node = amdsmi.node(handle).value
  return {
    value: {
      handle,
      // Partitions have the number of the whole, so each is told apart by its place in the socket.
      id: whole === null ? amdDeviceId(unique_id, uuid, pci.value) : `${whole}:${order}`,
      pci: pci.value,
      uuid,
      model: amdsmi.model(handle).value,
      order: node ?? order,
      hip_index: amdsmi.hipIndex(handle).value,
      whole,
    },
    reason: null,
  }
}

function describe(amdsmi: Amdsmi, p: Processor, index: number, counted_by: string | null): Device {
  const base: Device = {
    device_id: p.id,
    kind: counted_by === null ? 'gpu' : 'gpu_instance',
    vendor: 'amd',
    model: p.model,
    memory_bytes: amdsmi.memoryTotal(p.handle).value,
    index: p.hip_index ?? index,
    pci: p.pci,
  }
  if (counted_by !== null) return { ...base, parent_device_id: counted_by }
  return {
    ...base,
    tdp_w: watts(amdsmi.defaultPowerCap(p.handle)),
    power_limit_w: watts(amdsmi.powerCap(p.handle)()),
  }
}

const watts = ({ value }: Maybe): number | null =>
  value === null || value === 0 ? null : value / 1e6

/** Where the kernel keeps a card's files. */
const folderOf = (sysfsRoot: string, pci: string): string => join(sysfsRoot, 'bus/pci/devices', pci)
