import type { Maybe } from '../../analysis/schema/reason.ts'
import { answer, type Calls, DEVICE, type Mode, type NvmlHandle, OUT } from './nvml-call.ts'
import { PROFILES, PROFILES_V1_VERSION } from './nvml-layout.ts'

/** Workload power profiles of Blackwell and newer (nvmlPowerProfileType_t), by number. */
const PROFILE_NAMES = [
  ...['max_p', 'max_q', 'compute', 'memory_bound', 'network', 'balanced', 'llm_inference'],
  ...['llm_training', 'rbm', 'dcpcie', 'hmma_sparse', 'hmma_dense', 'sync_balanced', 'hpc', 'mig'],
] as const

export interface WorkloadProfiles {
  readonly requested: readonly string[]
  /** What is in force after the driver has settled conflicts. */
  readonly enforced: readonly string[]
}

/** What an administrator may change while a device runs. */
export interface StateCalls {
  persistenceMode(at: NvmlHandle): Maybe
  migMode(at: NvmlHandle): Maybe<Mode>
  eccMode(at: NvmlHandle): Maybe<Mode>
  /** 0 default, 2 prohibited, 3 one process. */
  computeMode(at: NvmlHandle): Maybe
  /** P0 to P15. */
  performanceState(at: NvmlHandle): Maybe
  enforcedPowerLimit(at: NvmlHandle): () => Maybe
  /** The limit that is set, whether or not something else holds the device lower, mW. */
  managedPowerLimit(at: NvmlHandle): Maybe
  /** MHz that applications get, where the driver still has that setting (before CUDA 13). */
  applicationsClock(at: NvmlHandle, type: number): Maybe
  /** MHz that an administrator lets the clock boost to. */
  customerBoostClock(at: NvmlHandle, type: number): Maybe
  workloadProfiles(at: NvmlHandle): Maybe<WorkloadProfiles>
}

export function stateCalls(calls: Calls): StateCalls {
  const { bind, read32, read32Of, pair } = calls
  const mode = (name: string, at: NvmlHandle): Maybe<Mode> => {
    const both = pair(name, at)
    return both.value === null
      ? both
      : { value: { now: both.value[0] !== 0, next: both.value[1] !== 0 }, reason: null }
  }
  return {
    persistenceMode: (at) => read32('nvmlDeviceGetPersistenceMode', at)(),
    migMode: (at) => mode('nvmlDeviceGetMigMode', at),
    eccMode: (at) => mode('nvmlDeviceGetEccMode', at),
    computeMode: (at) => read32('nvmlDeviceGetComputeMode', at)(),
    performanceState: (at) => read32('nvmlDeviceGetPerformanceState', at)(),
    enforcedPowerLimit: (at) => read32('nvmlDeviceGetEnforcedPowerLimit', at),
    managedPowerLimit: (at) => read32('nvmlDeviceGetPowerManagementLimit', at)(),
    applicationsClock: (at, type) => read32Of('nvmlDeviceGetApplicationsClock', at, type)(),
    customerBoostClock: (at, type) => read32Of('nvmlDeviceGetMaxCustomerBoostClock', at, type)(),
    workloadProfiles(at) {
      const out = Buffer.alloc(PROFILES.size)
      out.writeUInt32LE(PROFILES_V1_VERSION, PROFILES.version)
      const call = bind('nvmlDeviceWorkloadPowerProfileGetCurrentProfiles', [DEVICE, OUT])
      return answer(call(at.pointer, out), () => ({
        requested: profilesOf(out, PROFILES.requested),
        enforced: profilesOf(out, PROFILES.enforced),
      }))
    },
  }
}

/** The names of the profiles whose bits are set, in ascending order; an unknown one by its number. */
function profilesOf(out: Buffer, start: number): string[] {
  const found: string[] = []
  for (let bit = 0; bit < PROFILES.mask_size * 8; bit++)
    if (((out[start + (bit >> 3)] as number) >> (bit & 7)) & 1)
      found.push(PROFILE_NAMES[bit] ?? String(bit))
  return found
}
