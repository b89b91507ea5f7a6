import type { Device } from '../../analysis/schema/device.ts'
import type { Environment, VisibleDevices } from './visible-list.ts'
import { atPlace, byPrefix, entriesOf, inOrder, repeated } from './visible-list.ts'

const CUDA = 'CUDA_VISIBLE_DEVICES'

/**
 * CUDA_VISIBLE_DEVICES: unset all, empty none; entries are places, `GPU-` UUIDs or their beginnings, `MIG-` UUIDs, and
 * `MIG-GPU-uuid/gi/ci` of drivers before 470. A program sees one instance of a partitioned GPU and nothing beside it.
 */
export function cudaDevices(env: Environment, devices: readonly Device[]): VisibleDevices {
  const gpus = inOrder(devices.filter((d) => d.kind === 'gpu'))
  const instances = devices.filter((d) => d.kind === 'gpu_instance')
  const text = env[CUDA]
  if (text === undefined) return shown(gpus, instances, [])
  const notes = containerNotes(env, text)

  const find = (entry: string): Device | null => {
    if (entry.startsWith('MIG-')) return instanceOf(entry, instances)
    if (entry.startsWith('GPU-')) return byPrefix(entry, gpus, (d) => d.device_id)
    return atPlace(entry, gpus)
  }
  const { found, notes: hidden } = entriesOf(CUDA, text, find)
  const twice = repeated(found)
  if (twice !== null)
    return {
      device_ids: [],
      reason: null,
      problem: `${CUDA} is ${JSON.stringify(text)}, which names ${twice.device_id} twice; CUDA refuses that. Name each GPU once.`,
      notes: [...notes, ...hidden],
    }
  const order = orderDoubt(env, text, found, gpus)
  if (order !== null)
    return {
      device_ids: [],
      reason: 'ambiguous_mapping',
      problem: null,
      notes: [...notes, ...hidden, order],
    }
  return shown(found, instances, [...notes, ...hidden])
}

/** The runtime of containers has hidden GPUs from the driver already, so only the places of those that are left change. */
function containerNotes(env: Environment, entries: string): readonly string[] {
  const text = env['NVIDIA_VISIBLE_DEVICES']
  const places = entries.split(',').some((entry) => /^\d+$/.test(entry.trim()))
  if (text === undefined || text === '' || text === 'all' || !places) return []
  return [
    `${CUDA} is ${JSON.stringify(entries)} beside NVIDIA_VISIBLE_DEVICES ${JSON.stringify(text)}: in a container places count the GPUs that the second leaves.`,
  ]
}

/** An instance by UUID or its beginning, or by its GPU and numbers. */
function instanceOf(entry: string, instances: readonly Device[]): Device | null {
  const legacy = /^MIG-(GPU-[^/]+)\/(\d+)\/(\d+)$/.exec(entry)
  if (legacy === null) return byPrefix(entry, instances, (d) => d.device_id)
  const [, parent = '', gi, ci] = legacy
  const found = instances.filter(
    (d) =>
      d.parent_device_id?.startsWith(parent) &&
      d['gpu_instance_id'] === Number(gi) &&
      d['compute_instance_id'] === Number(ci),
  )
  return found.length === 1 ? (found[0] as Device) : null
}

/**
 * Why it is not certain which GPUs places mean: without CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA numbers unlike GPUs by its own
 * guess of their speed, the driver by PCI address. Where all of them are named, the order does not matter.
 */
function orderDoubt(
  env: Environment,
  text: string,
  found: readonly Device[],
  gpus: readonly Device[],
): string | null {
  if (env['CUDA_DEVICE_ORDER'] === 'PCI_BUS_ID') return null
  const models = new Set(gpus.map((d) => d.model ?? d.device_id))
  const places = text
    .split(',')
    .slice(0, found.length)
    .some((entry) => /^\d+$/.test(entry.trim()))
  if (models.size < 2 || !places || found.length === gpus.length) return null
  return `${CUDA} is ${JSON.stringify(text)} on a host with unlike GPUs (${[...models].join(', ')}), whose places CUDA chooses by speed. Set CUDA_DEVICE_ORDER=PCI_BUS_ID, name GPUs by UUID (nvidia-smi -L), or write devices: into the configuration.`
}

/** Whole GPUs, or the first instance alone where one of them is partitioned. */
function shown(
  found: readonly Device[],
  instances: readonly Device[],
  notes: readonly string[],
): VisibleDevices {
  const usable = found.flatMap((device) => {
    const parts = instances.filter((i) => i.parent_device_id === device.device_id)
    if (parts.length > 0) return [parts[0] as Device]
    return device['partitioned'] === true ? [] : [device]
  })
  const part = usable.find((d) => d.kind === 'gpu_instance')
  const device_ids = (part === undefined ? usable : [part]).map((d) => d.device_id)
  const hidden =
    part !== undefined && usable.length > 1
      ? [`CUDA shows a program one instance of a partitioned GPU alone: ${part.device_id}.`]
      : []
  return { device_ids, reason: null, problem: null, notes: [...notes, ...hidden] }
}
