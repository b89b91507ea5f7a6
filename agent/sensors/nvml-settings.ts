import type { Maybe } from '../../analysis/schema/reason.ts'
import type { Clock } from '../clock.ts'
import type { Nvml } from '../ffi/nvml.ts'
import type { NvmlHandle } from '../ffi/nvml-call.ts'
import { CLOCK, FIELD, SCOPE } from '../ffi/nvml-readings.ts'
import type { NvmlDevice } from './nvml-device.ts'
import { watts } from './nvml-identity.ts'
import type { SourceEvent, Watch } from './sensor.ts'

/**
 * What an administrator may change and what changes the meaning of readings. null: the driver does not tell.
 * A locked range of clocks is not among them: NVML sets it and never gives it back; what shows it is the bit
 * `app_clocks` of the clock event reasons, and the clock itself.
 */
export interface DeviceSettings {
  readonly power_limit_default_w: number | null
  /** What was asked for. */
  readonly power_limit_requested_w: number | null
  /** What holds: the least of all that limit, out-of-band ones included. */
  readonly power_limit_enforced_w: number | null
  readonly graphics_clock_app_mhz: number | null
  readonly memory_clock_app_mhz: number | null
  readonly graphics_clock_boost_max_mhz: number | null
  /** Names, comma-separated; empty: none. */
  readonly workload_profiles_requested: string | null
  readonly workload_profiles_enforced: string | null
  /** Blackwell's floors and slow ramps of power. */
  readonly power_smoothing: boolean | null
  readonly power_smoothing_profile: number | null
  readonly power_smoothing_floor_w: number | null
  readonly power_smoothing_immediate_ramp_down: boolean | null
  readonly persistence_mode: boolean | null
  readonly mig_mode: boolean | null
  readonly mig_mode_next: boolean | null
  readonly ecc_mode: boolean | null
  readonly ecc_mode_next: boolean | null
  readonly compute_mode: string | null
}

const COMPUTE_MODES: Readonly<Record<number, string>> = {
  0: 'default',
  1: 'exclusive_thread',
  2: 'prohibited',
  3: 'exclusive_process',
}

export function settingsOf(nvml: Nvml, at: NvmlHandle): DeviceSettings {
  const field = (id: number) => nvml.field(at, id, SCOPE.gpu)()
  const requested = watts(field(FIELD.requested_limit))
  const profiles = nvml.workloadProfiles(at).value
  const mig = nvml.migMode(at).value
  const ecc = nvml.eccMode(at).value
  const mode = nvml.computeMode(at).value
  return {
    power_limit_default_w: watts(nvml.defaultPowerLimit(at)),
    power_limit_requested_w: requested ?? watts(nvml.managedPowerLimit(at)),
    power_limit_enforced_w: watts(nvml.enforcedPowerLimit(at)()),
    graphics_clock_app_mhz: nvml.applicationsClock(at, CLOCK.graphics).value || null,
    memory_clock_app_mhz: nvml.applicationsClock(at, CLOCK.memory).value || null,
    graphics_clock_boost_max_mhz: nvml.customerBoostClock(at, CLOCK.graphics).value || null,
    workload_profiles_requested: profiles?.requested.join(',') ?? null,
    workload_profiles_enforced: profiles?.enforced.join(',') ?? null,
    power_smoothing: flag(field(FIELD.smoothing_enabled)),
    power_smoothing_profile: field(FIELD.smoothing_profile).value,
    power_smoothing_floor_w: field(FIELD.smoothing_floor_w).value,
    power_smoothing_immediate_ramp_down: flag(field(FIELD.smoothing_immediate_ramp_down)),
    persistence_mode: flag(nvml.persistenceMode(at)),
    mig_mode: mig?.now ?? null,
    mig_mode_next: mig?.next ?? null,
    ecc_mode: ecc?.now ?? null,
    ecc_mode_next: ecc?.next ?? null,
    compute_mode: mode === null ? null : (COMPUTE_MODES[mode] ?? String(mode)),
  }
}

const flag = ({ value }: Maybe): boolean | null => (value === null ? null : value !== 0)

/**
 * Tells how GPUs are set: `device_settings` of each at start and end, and `setting_changed` for each setting that has
 * another value than when it was last known, with the time at which it still had the old one.
 */
export function watchSettings(nvml: Nvml, gpus: readonly NvmlDevice[], clock: Clock): Watch {
  const last = new Map<string, { settings: Record<string, unknown>; t_ns: number }>()
  return {
    read(moment) {
      const events: SourceEvent[] = []
      for (const gpu of gpus) {
        // Asked for the loss alone: of a lost GPU every setting would read as unknown.
        if (gpu.guarded(() => nvml.persistenceMode(gpu.handle)).reason === 'lost') continue
        const settings: Record<string, unknown> = { ...settingsOf(nvml, gpu.handle) }
        const t_ns = clock.now()
        const known = last.get(gpu.uuid)
        for (const [setting, after] of Object.entries(settings)) {
          const before = known?.settings[setting] ?? null
          if (after === null) settings[setting] = before
          else if (known !== undefined && before !== null && before !== after)
            events.push({
              t_ns,
              code: 'setting_changed',
              detail: { device_id: gpu.uuid, setting, before, after, since_t_ns: known.t_ns },
            })
        }
        last.set(gpu.uuid, { settings, t_ns })
        if (moment !== 'during')
          events.push({
            t_ns,
            code: 'device_settings',
            detail: { device_id: gpu.uuid, moment, settings },
          })
      }
      return events
    },
  }
}
