import { realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { listNames, readText } from './files.ts'

/** A graphics card as Linux lists it. */
export interface DrmCard {
  /** Its folder of files. */
  readonly path: string
  readonly vendor: 'amd' | 'intel' | null
  /** `0x740c`; null where the kernel does not say. */
  readonly pci_id: string | null
  /** `0000:c1:00.0` */
  readonly pci: string
}

const VENDORS: Readonly<Record<string, DrmCard['vendor']>> = { '0x1002': 'amd', '0x8086': 'intel' }

/** The graphics cards of this host, in the kernel's order. */
export function drmCards(sysfsRoot: string): readonly DrmCard[] {
  const root = join(sysfsRoot, 'class/drm')
  return listNames(root)
    .filter((name) => /^card\d+$/.test(name))
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .map((name) => {
      const path = join(root, name, 'device')
      return {
        path,
        vendor: VENDORS[readText(join(path, 'vendor')).text ?? ''] ?? null,
        pci_id: readText(join(path, 'device')).text,
        pci: pciOf(path) ?? name,
      }
    })
}

/** Its place on the bus, of the kernel's event text or of where the folder really lies. */
function pciOf(path: string): string | null {
  const stated = /^PCI_SLOT_NAME=(\S+)$/m.exec(readText(join(path, 'uevent')).text ?? '')?.[1]
  if (stated !== undefined) return stated
  try {
    const name = basename(realpathSync(path))
    return /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(name) ? name : null
  } catch {
    return null
  }
}
