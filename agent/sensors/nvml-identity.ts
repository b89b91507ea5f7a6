import type { Maybe } from '../../analysis/schema/reason.ts'
import type { Nvml } from '../ffi/nvml.ts'
import { type DeviceMemory, THRESHOLD } from '../ffi/nvml-about.ts'
import type { NvmlHandle } from '../ffi/nvml-call.ts'
import type { PcieLink } from '../ffi/nvml-links.ts'
import { CLOCK } from '../ffi/nvml-readings.ts'

/** What a GPU is, beside its row of run.json's devices. null: the driver does not tell. */
export interface Identity {
  /** `9.0`. */
  readonly compute_capability: string | null
  readonly serial: string | null
  readonly vbios: string | null
  readonly memory: DeviceMemory
  readonly pcie: PcieLink
  /** Links that are up, each with the PCI address and kind of what it leads to. */
  readonly nvlink: readonly { link: number; remote: string; remote_pci: string | null }[] | null
  readonly clocks_max: {
    graphics_mhz: number | null
    sm_mhz: number | null
    memory_mhz: number | null
  }
  readonly power_limit_min_w: number | null
  readonly power_limit_max_w: number | null
  readonly thresholds: {
    shutdown_c: number | null
    slowdown_c: number | null
    memory_max_c: number | null
    gpu_max_c: number | null
  }
  /** P0 is the fastest; what it is at the start. */
  readonly performance_state: string | null
}

/** `GPU state unknown` of nvmlPstates_t. */
const UNKNOWN_STATE = 32

export function identityOf(nvml: Nvml, handle: NvmlHandle): Identity {
  const capability = nvml.computeCapability(handle).value
  const range = nvml.powerLimitRange(handle).value
  const clock = (type: number) => nvml.maxClock(handle, type).value
  const threshold = (which: number) => nvml.temperatureThreshold(handle, which).value || null
  const state = nvml.performanceState(handle).value
  return {
    compute_capability: capability === null ? null : capability.join('.'),
    serial: nvml.serial(handle).value,
    vbios: nvml.vbios(handle).value,
    memory: nvml.memory(handle).value ?? NO_MEMORY,
    pcie: nvml.pcieLink(handle),
    nvlink: nvml.nvLinks(handle).value?.map((link) => ({ ...link })) ?? null,
    clocks_max: {
      graphics_mhz: clock(CLOCK.graphics),
      sm_mhz: clock(CLOCK.sm),
      memory_mhz: clock(CLOCK.memory),
    },
    power_limit_min_w: range === null ? null : range[0] / 1000,
    power_limit_max_w: range === null ? null : range[1] / 1000,
    thresholds: {
      shutdown_c: threshold(THRESHOLD.shutdown),
      slowdown_c: threshold(THRESHOLD.slowdown),
      memory_max_c: threshold(THRESHOLD.memory_max),
      gpu_max_c: threshold(THRESHOLD.gpu_max),
    },
    performance_state: state === null || state === UNKNOWN_STATE ? null : `P${state}`,
  }
}

const NO_MEMORY: DeviceMemory = {
  total_bytes: null,
  reserved_bytes: null,
  free_bytes: null,
  used_bytes: null,
}

/** mW to W; 0 is what the driver writes where it does not know. */
export const watts = ({ value }: Maybe): number | null =>
  value === null || value === 0 ? null : value / 1000

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
  13: 'rubin',
}
export const architectureName = (code: number | null): string | null =>
  code === null ? null : (ARCHITECTURES[code] ?? null)
