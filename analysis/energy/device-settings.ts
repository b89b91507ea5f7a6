import { eventsOf } from '../readings/event-detail.ts'
import type { RunData } from '../readings/run-data.ts'
import {
  deviceSettingsSchema,
  type Settings,
  settingChangedSchema,
  settingsSchema,
} from '../schema/device-events.ts'

/** One setting that got another value, some time after `from_ns` and at `t_ns` at the latest. */
export interface SettingChange {
  readonly setting: string
  readonly before: Settings[string]
  readonly after: Settings[string]
  readonly from_ns: number
  readonly t_ns: number
}

/** How a device was set at a moment; at the start, where no event says, as its environment says. */
export function settingsAt(
  run: RunData,
  device_id: string,
  moment: 'start' | 'end',
): Settings | null {
  const told = eventsOf(run, 'device_settings', deviceSettingsSchema).find(
    ({ detail }) => detail.device_id === device_id && detail.moment === moment,
  )
  if (told !== undefined) return told.detail.settings
  if (moment === 'end') return null
  const described = field(field(run.environment['nvml'], 'devices'), device_id)
  return settingsSchema.safeParse(field(described, 'settings')).data ?? null
}

/**
 * What changed of a device's settings while it was recorded. A difference between start and end that no event tells is a
 * change at an unknown time between the two.
 */
export function settingChanges(run: RunData, device_id: string): SettingChange[] {
  const told = eventsOf(run, 'setting_changed', settingChangedSchema)
    .filter(({ detail }) => detail.device_id === device_id)
    .map(({ t_ns, detail: { setting, before, after, since_t_ns } }) => ({
      ...{ setting, before, after, t_ns },
      from_ns: since_t_ns == null ? t_ns : since_t_ns - Number(run.origin_ns),
    }))
  const [start, end] = [settingsAt(run, device_id, 'start'), settingsAt(run, device_id, 'end')]
  const untold = Object.entries(end ?? {}).flatMap(([setting, after]) => {
    const before = start?.[setting] ?? null
    const differs = before !== null && after !== null && before !== after
    if (!differs || told.some((change) => change.setting === setting)) return []
    return [{ setting, before, after, ...recorded(run) }]
  })
  return [...told, ...untold]
}

/** From the start of the first phase to the end of the last. */
function recorded(run: RunData): { from_ns: number; t_ns: number } {
  const starts = run.phases.map((p) => p.start_ns)
  const ends = run.phases.map((p) => p.end_ns)
  return { from_ns: Math.min(...starts, 0), t_ns: Math.max(...ends, 0) }
}

/** Whether Blackwell's floors and slow ramps held the device's power at any time of the run. */
export function smoothsPower(run: RunData, device_id: string): boolean {
  return (
    settingsAt(run, device_id, 'start')?.['power_smoothing'] === true ||
    settingChanges(run, device_id).some((c) => c.setting === 'power_smoothing' && c.after === true)
  )
}

const field = (value: unknown, key: string): unknown =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined
