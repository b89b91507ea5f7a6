import type { Device } from '../../analysis/schema/device.ts'
import type { Environment, VisibleDevices } from './visible-list.ts'
import { atPlace, byPrefix, entriesOf, inOrder, repeated } from './visible-list.ts'

const ROCR = 'ROCR_VISIBLE_DEVICES'

/**
 * ROCR_VISIBLE_DEVICES (places or `GPU-` UUIDs) first; HIP_VISIBLE_DEVICES, or CUDA_VISIBLE_DEVICES in its stead, then
 * counts what is left of them.
 */
export function amdDevices(env: Environment, devices: readonly Device[]): VisibleDevices {
  let left = inOrder(devices)
  const notes: string[] = []
  const hip =
    env['HIP_VISIBLE_DEVICES'] === undefined ? 'CUDA_VISIBLE_DEVICES' : 'HIP_VISIBLE_DEVICES'
  for (const variable of left.length === 0 ? [] : [ROCR, hip]) {
    const text = env[variable]
    if (text === undefined) continue
    const here = left
    const { found, notes: hidden } = entriesOf(variable, text, (entry) =>
      variable === ROCR && entry.startsWith('GPU-')
        ? byPrefix(entry, here, uuidOf)
        : atPlace(entry, here),
    )
    notes.push(...hidden)
    const twice = repeated(found)
    if (twice !== null)
      return {
        device_ids: [],
        reason: null,
        problem: `${variable} is ${JSON.stringify(text)}, which names ${twice.device_id} twice. Name each GPU once.`,
        notes,
      }
    left = found
  }
  return { device_ids: left.map((d) => d.device_id), reason: null, problem: null, notes }
}

/** As ROCm writes it, `GPU-` and 16 digits, where the device tells that beside its own id. */
const uuidOf = (device: Device): string =>
  typeof device['uuid'] === 'string' ? device['uuid'] : device.device_id
