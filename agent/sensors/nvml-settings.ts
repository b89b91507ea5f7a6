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
 * A locked range of clocks is not among them: NVML sets it and never gives it back. On an H100 locked to 1200 MHz all of
 * these stood as before; only the clock itself shows it.
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

/** What is told in microseconds. */
function quickSettings(nvml: Nvml, at: NvmlHandle) {
  const requested = watts(nvml.field(at, FIELD.requested_limit, SCOPE.gpu)())
  return {
    power_limit_requested_w: requested ?? watts(nvml.managedPowerLimit(at)),
    power_limit_enforced_w: watts(nvml.enforcedPowerLimit(at)()),
    persistence_mode: flag(nvml.persistenceMode(at)),
  } satisfies Partial<DeviceSettings>
}

/** All settings: 5 ms on an H100, of which the clocks take most. */
export function settingsOf(nvml: Nvml, at: NvmlHandle): DeviceSettings {
  const field = (id: number) => nvml.field(at, id, SCOPE.gpu)()
  const profiles = nvml.workloadProfiles(at).value
  const mig = nvml.migMode(at).value
  const ecc = nvml.eccMode(at).value
  const mode = nvml.computeMode(at).value
  return {
    ...quickSettings(nvml, at),
    power_limit_default_w: watts(nvml.defaultPowerLimit(at)),
    graphics_clock_app_mhz: nvml.applicationsClock(at, CLOCK.graphics).value || null,
    memory_clock_app_mhz: nvml.applicationsClock(at, CLOCK.memory).value || null,
    graphics_clock_boost_max_mhz: nvml.customerBoostClock(at, CLOCK.graphics).value || null,
    workload_profiles_requested: profiles?.requested.join(',') ?? null,
    workload_profiles_enforced: profiles?.enforced.join(',') ?? null,
    power_smoothing: flag(field(FIELD.smoothing_enabled)),
    power_smoothing_profile: field(FIELD.smoothing_profile).value,
    power_smoothing_floor_w: field(FIELD.smoothing_floor_w).value,
    power_smoothing_immediate_ramp_down: flag(field(FIELD.smoothing_immediate_ramp_down)),
    mig_mode: mig?.now ?? null,
    mig_mode_next: mig?.next ?? null,
    ecc_mode: ecc?.now ?? null,
    ecc_mode_next: ecc?.next ?? null,
    compute_mode: mode === null ? null : (COMPUTE_MODES[mode] ?? String(mode)),
  }
}

const flag = ({ value }: Maybe): boolean | null => (value === null ? null : value !== 0)

/** The slow settings are asked for this seldom; an administrator changes them by hand. */
const ALL_EVERY_NS = 30e9

/** A setting's last known value, and when it was read. */
type Known = Map<string, { readonly value: unknown; readonly t_ns: number }>

/**
 * Tells how GPUs are set: `device_settings` of each at start and end, and `setting_changed` for each setting that has
 * another value than when it was last known, with the time at which it still had the old one. Limits are looked at
 * each time, the rest every half minute.
 */
export function watchSettings(nvml: Nvml, gpus: readonly NvmlDevice[], clock: Clock): Watch {
  const known = new Map<string, Known>(gpus.map((gpu) => [gpu.uuid, new Map()]))
  let all_ns = Number.NEGATIVE_INFINITY
  return {
    read(moment) {
      const all = moment !== 'during' || clock.now() - all_ns >= ALL_EVERY_NS
      if (all) all_ns = clock.now()
      return gpus.flatMap((gpu) => {
        // Asked for the loss alone: of a lost GPU every setting would read as unknown.
        const { reason } = gpu.guarded(() => nvml.persistenceMode(gpu.handle))
        if (reason === 'lost' || reason === 'no_driver') return []
        const settings = (all ? settingsOf : quickSettings)(nvml, gpu.handle)
        const t_ns = clock.now()
        const events = changesOf(gpu.uuid, known.get(gpu.uuid) as Known, settings, t_ns)
        const detail = { device_id: gpu.uuid, moment, settings }
        return moment === 'during' ? events : [...events, { t_ns, code: 'device_settings', detail }]
      })
    },
  }
}

/** What differs from what is known, which is then brought up to date. A value that is unknown now changes nothing. */
function changesOf(
  device_id: string,
  known: Known,
  settings: Partial<DeviceSettings>,
  t_ns: number,
): SourceEvent[] {
  return Object.entries(settings).flatMap(([setting, after]) => {
    if (after === null) return []
    const last = known.get(setting)
    known.set(setting, { value: after, t_ns })
    if (last === undefined || last.value === after) return []
    const detail = { device_id, setting, before: last.value, after, since_t_ns: last.t_ns }
    return [{ t_ns, code: 'setting_changed', detail }]
  })
}
