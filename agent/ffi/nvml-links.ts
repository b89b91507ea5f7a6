import type { Maybe } from '../../analysis/schema/reason.ts'
import { text } from './c-text.ts'
import { answer, type Calls, DEVICE, type NvmlHandle, OUT } from './nvml-call.ts'
import { PCI_INFO, u32 } from './nvml-layout.ts'

/** A PCI Express link: generation and lanes, as they are now (less when idle) and at most. */
export interface PcieLink {
  readonly generation: number | null
  readonly generation_max: number | null
  readonly width: number | null
  readonly width_max: number | null
}

/** An NVLink that is up. */
export interface NvLink {
  readonly link: number
  /** PCI address of what it leads to; null where the driver hides it. */
  readonly remote_pci: string | null
  readonly remote: 'gpu' | 'switch' | 'cpu' | 'unknown'
}

export interface LinkCalls {
  pcieLink(at: NvmlHandle): PcieLink
  nvLinks(at: NvmlHandle): Maybe<readonly NvLink[]>
  /** What two devices have in common, the closest first: internal, single, multiple, hostbridge, node, system. */
  commonAncestor(a: NvmlHandle, b: NvmlHandle): Maybe<string>
}

/** NVML_NVLINK_MAX_LINKS of NVML 13. */
const MAX_LINKS = 36
/** nvmlIntNvLinkDeviceType_t. */
const REMOTES: Readonly<Record<number, NvLink['remote']>> = { 0: 'gpu', 1: 'cpu', 2: 'switch' }
/** nvmlGpuTopologyLevel_t. */
const ANCESTORS: Readonly<Record<number, string>> = {
  0: 'internal', // one board
  10: 'single', // one PCIe switch
  20: 'multiple', // several switches, no host bridge
  30: 'hostbridge',
  40: 'node', // one NUMA node
  50: 'system',
}

export function linkCalls({ bind, read32, read32Of }: Calls): LinkCalls {
  return {
    pcieLink: (at) => ({
      generation: read32('nvmlDeviceGetCurrPcieLinkGeneration', at)().value,
      generation_max: read32('nvmlDeviceGetMaxPcieLinkGeneration', at)().value,
      width: read32('nvmlDeviceGetCurrPcieLinkWidth', at)().value,
      width_max: read32('nvmlDeviceGetMaxPcieLinkWidth', at)().value,
    }),
    nvLinks(at) {
      const links: NvLink[] = []
      for (let link = 0; link < MAX_LINKS; link++) {
        const state = read32Of('nvmlDeviceGetNvLinkState', at, link)()
        if (state.value === null) {
          // Beyond the last link it is an invalid argument; without NVLink the first is not supported.
          if (link === 0) return state
          break
        }
        if (state.value === 0) continue
        const out = Buffer.alloc(PCI_INFO.size)
        const pci = bind('nvmlDeviceGetNvLinkRemotePciInfo_v2', [DEVICE, 'uint32_t', OUT])
        const remote = read32Of('nvmlDeviceGetNvLinkRemoteDeviceType', at, link)()
        links.push({
          link,
          remote_pci: answer(pci(at.pointer, link, out), () =>
            text(out, PCI_INFO.bus_id, PCI_INFO.bus_id_size),
          ).value,
          remote: REMOTES[remote.value ?? -1] ?? 'unknown',
        })
      }
      return { value: links, reason: null }
    },
    commonAncestor(a, b) {
      const out = Buffer.alloc(4)
      const call = bind('nvmlDeviceGetTopologyCommonAncestor', [DEVICE, DEVICE, OUT])
      return answer(call(a.pointer, b.pointer, out), () => ANCESTORS[u32(out, 0) ?? -1] ?? null)
    },
  }
}
