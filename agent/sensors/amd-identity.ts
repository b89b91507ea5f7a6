import { ID_PATTERN } from '../../analysis/schema/id.ts'

/**
 * An AMD GPU's id: `GPU-` and the number that its maker gave it, as ROCm's own lists and ROCR_VISIBLE_DEVICES have it; else
 * the library's UUID; else its place on the bus. The kernel tells the first with and without a library, so
 * that a card keeps its id whichever source reads it.
 * @param unique_id the kernel's `unique_id` file
 */
export function amdDeviceId(unique_id: string | null, uuid: string | null, pci: string): string {
  const number = unique_id?.replace(/^0x/, '').toLowerCase() ?? ''
  if (/^[0-9a-f]{8,16}$/.test(number) && /[1-9a-f]/.test(number))
    return `GPU-${number.padStart(16, '0')}`
  return uuid !== null && ID_PATTERN.test(uuid) ? uuid : `AMD-${pci}`
}

/** Cards of two dies, of which one carries the sensor of both. */
const DUAL_DIE_MODEL = /\bMI250X?\b/
/** The same by the kernel's PCI ids: Aldebaran in pairs; 0x740f is the MI210, a single die. */
const DUAL_DIE_PCI: readonly string[] = ['0x7408', '0x740c']
export const isDualDie = (model: string | null, pci_id: string | null = null): boolean =>
  DUAL_DIE_MODEL.test(model ?? '') || DUAL_DIE_PCI.includes(pci_id ?? '')

/** GPU, CPU and memory in one package, of which the power reading is the sum. */
const MODULE_MODEL = /\bMI300A\b/
const MODULE_PCI: readonly string[] = ['0x74a0']
export const isModule = (model: string | null, pci_id: string | null = null): boolean =>
  MODULE_MODEL.test(model ?? '') || MODULE_PCI.includes(pci_id ?? '')

/**
 * Which die's sensor a die shares: of each pair in the host's order (0 with 1, 2 with 3) the one whose power reads
 * nothing shares the other's. Where both read something, or none, neither shares.
 * @param dies the host's dies of such cards in its order
 * @returns by id, the id of the die that carries the sensor
 */
export function sharedDies(
  dies: readonly { readonly id: string; readonly reads_power: boolean }[],
): ReadonlyMap<string, string> {
  const shared = new Map<string, string>()
  for (let i = 0; i + 1 < dies.length; i += 2) {
    const [even, odd] = dies.slice(i, i + 2)
    if (!even || !odd || even.reads_power === odd.reads_power) continue
    if (even.reads_power) shared.set(odd.id, even.id)
    else shared.set(even.id, odd.id)
  }
  return shared
}
