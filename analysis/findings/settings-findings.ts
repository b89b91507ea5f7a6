import {
  type SettingChange,
  settingChanges,
  settingsAt,
  smoothsPower,
} from '../energy/device-settings.ts'
import { readingsWithin } from '../energy/gauge.ts'
import type { RunData } from '../readings/run-data.ts'
import type { Finding } from '../schema/finding.ts'
import { MW_PER_W, UW_PER_W } from '../schema/units.ts'
import type { Window } from '../window.ts'

/** The metrics of the enforced limit, each in its source's unit. */
export const LIMITS = [
  ['gpu_power_limit_mw', MW_PER_W],
  ['gpu_power_limit_uw', UW_PER_W],
] as const

/** Settings that decide how fast a device works and what it draws: a run that holds two of one is two configurations. */
const OPERATING_POINT: ReadonlySet<string> = new Set([
  'power_limit_requested_w',
  'power_limit_enforced_w',
  'graphics_clock_app_mhz',
  'memory_clock_app_mhz',
  'graphics_clock_boost_max_mhz',
  'workload_profiles_requested',
  'workload_profiles_enforced',
  'power_smoothing',
  'power_smoothing_profile',
  'power_smoothing_floor_w',
  'mig_mode',
  'ecc_mode',
])
/** Settings that change what idle takes and who may use the device, not how fast it works. */
const SURROUNDINGS: ReadonlySet<string> = new Set(['persistence_mode', 'compute_mode'])

/**
 * What a device's settings say against the window. A change after the window's end is none of it: an agent that puts a
 * limit back does so then.
 * Source: docs/metrics.md, "Validity", limit_changed and power_smoothing.
 */
export function settingsFindings(run: RunData, device_id: string, window: Window): Finding[] {
  return [...changed(run, device_id, window), ...smoothing(run, device_id)]
}

function changed(run: RunData, device_id: string, window: Window): Finding[] {
  const all = settingChanges(run, device_id).filter((c) => c.from_ns < window.end_ns)
  const changes = all.filter((c) => OPERATING_POINT.has(c.setting))
  const around = all.filter((c) => SURROUNDINGS.has(c.setting))
  const limits_w = limitsWithin(run, device_id, window)
  const words = changes.map(inWords)
  if (limits_w.length > 1 && !changes.some((c) => c.setting === 'power_limit_enforced_w'))
    words.push(`the enforced power limit (${limits_w.map((w) => `${w} W`).join(', ')})`)
  if (words.length === 0) return around.length === 0 ? [] : [aroundFinding(device_id, around)]
  return [
    {
      code: 'limit_changed',
      severity: 'invalid',
      message: `Of ${device_id} changed before or within the window: ${words.join('; ')}. So the run holds two configurations; set limits, clocks and profiles before it starts.`,
      evidence: {
        device_id,
        limits_w,
        changes: changes.map(({ setting, before, after, t_ns }) => ({
          ...{ setting, before, after, t_ns },
        })),
      },
    },
  ]
}

function aroundFinding(device_id: string, changes: readonly SettingChange[]): Finding {
  return {
    code: 'limit_changed',
    severity: 'caution',
    message: `Of ${device_id} changed before or within the window: ${changes.map(inWords).join('; ')}. Its speed does not hang on that, but idle power may; set it before the run starts.`,
    evidence: { device_id, limits_w: [], changes },
  }
}

/** The values of the enforced limit that were read within the window, W. */
function limitsWithin(run: RunData, device_id: string, window: Window): number[] {
  for (const [metric, per_w] of LIMITS) {
    const seen = new Set(readingsWithin(run, device_id, metric, window).map((v) => v / per_w))
    if (seen.size > 0) return [...seen]
  }
  return []
}

const inWords = ({ setting, before, after }: SettingChange): string =>
  `${setting} (${shown(before)} to ${shown(after)})`
const shown = (value: SettingChange['before']): string => (value === '' ? 'none' : String(value))

function smoothing(run: RunData, device_id: string): Finding[] {
  if (!smoothsPower(run, device_id)) return []
  const { power_smoothing_profile = null, power_smoothing_floor_w = null } =
    settingsAt(run, device_id, 'start') ?? {}
  return [
    {
      code: 'power_smoothing',
      severity: 'info',
      message: `${device_id} smooths its power${power_smoothing_floor_w === null ? '' : ` (floor ${power_smoothing_floor_w} W)`}: it draws more than the work needs when the work pauses, so idle power is not subtracted and the burst form is not used.`,
      evidence: { device_id, power_smoothing_profile, power_smoothing_floor_w },
    },
  ]
}
