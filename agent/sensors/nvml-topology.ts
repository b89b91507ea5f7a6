import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlDevice } from './nvml-device.ts'

/** How two GPUs reach each other. */
interface Pair {
  readonly a: string
  readonly b: string
  /** What of the PCI tree they share, the closest first: internal, single, multiple, hostbridge, node, system. */
  readonly common_ancestor: string | null
  /** NVLinks that lead from one straight to the other; where both end at a switch, null: it depends on its fabric. */
  readonly nvlinks: number | null
}

/** Every pair of GPUs. Source: nvmlDeviceGetTopologyCommonAncestor, nvmlDeviceGetNvLinkRemotePciInfo. */
export function topologyOf(nvml: Nvml, gpus: readonly NvmlDevice[]): readonly Pair[] {
  const links = new Map(gpus.map((gpu) => [gpu.uuid, nvml.nvLinks(gpu.handle).value ?? []]))
  return gpus.flatMap((a, i) =>
    gpus.slice(i + 1).map((b) => {
      const [from, to] = [links.get(a.uuid) ?? [], links.get(b.uuid) ?? []]
      const straight = from.filter((l) => samePci(l.remote_pci, b.device.pci)).length
      const switched = [from, to].every((side) => side.some((l) => l.remote === 'switch'))
      return {
        a: a.uuid,
        b: b.uuid,
        common_ancestor: nvml.commonAncestor(a.handle, b.handle).value,
        nvlinks: straight === 0 && switched ? null : straight,
      }
    }),
  )
}

/** Addresses are written with four or eight digits of domain. */
function samePci(a: string | null | undefined, b: string | null | undefined): boolean {
  if (a == null || b == null) return false
  const short = (pci: string) => pci.toLowerCase().replace(/^0+(?=[0-9a-f]{4}:)/, '')
  return short(a) === short(b)
}
