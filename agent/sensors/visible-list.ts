import type { Device } from '../../analysis/schema/device.ts'
import type { Reason } from '../../analysis/schema/reason.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The GPUs, or instances of GPUs, that a program with some environment may compute on. */
export interface VisibleDevices {
  /** In the order in which the program sees them. */
  readonly device_ids: readonly string[]
  /** `ambiguous_mapping`: the variables do not tell which GPUs are meant; then `device_ids` is empty. */
  readonly reason: Reason | null
  /** A sentence where the vendor's runtime refuses what the variables say. */
  readonly problem: string | null
  /** Sentences: what is hidden and why. */
  readonly notes: readonly string[]
}

/** A variable's entries up to the first that names nothing; that one hides itself and all after it. */
export function entriesOf(
  variable: string,
  text: string,
  find: (entry: string) => Device | null,
): { found: readonly Device[]; notes: readonly string[] } {
  const found: Device[] = []
  if (text.trim() === '') return { found, notes: [`${variable} is empty: no GPU is visible.`] }
  const entries = text.split(',').map((entry) => entry.trim())
  for (const [i, entry] of entries.entries()) {
    const device = find(entry)
    if (device === null) {
      const after = entries.length - i - 1
      const rest = after === 0 ? '' : ` and the ${after} after it`
      const note = `${variable} is ${JSON.stringify(text)}: ${JSON.stringify(entry)} names no GPU, or more than one, and hides itself${rest}.`
      return { found, notes: [note] }
    }
    found.push(device)
  }
  return { found, notes: [] }
}

/** The GPU at a place of a list; null where the entry is no place of it. */
export function atPlace(entry: string, list: readonly Device[]): Device | null {
  return /^\d+$/.test(entry) ? (list[Number(entry)] ?? null) : null
}

/** The one device whose name begins so; a whole name before those that only begin with it. */
export function byPrefix(
  entry: string,
  list: readonly Device[],
  nameOf: (device: Device) => string | null,
): Device | null {
  const whole = list.find((d) => nameOf(d) === entry)
  const found = list.filter((d) => nameOf(d)?.startsWith(entry))
  return whole ?? (found.length === 1 ? (found[0] as Device) : null)
}

/** By the vendor's index; a device without one stays where it stood. */
export const inOrder = (devices: readonly Device[]): readonly Device[] =>
  [...devices].sort((a, b) => (a.index ?? 0) - (b.index ?? 0))

/** The first device that is named twice. */
export function repeated(devices: readonly Device[]): Device | null {
  return devices.find((d, i) => devices.findIndex((e) => e.device_id === d.device_id) < i) ?? null
}
