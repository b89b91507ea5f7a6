import { z } from 'zod'
import type { DoctorSetting } from '../../analysis/schema/doctor.ts'
import { THROTTLE_BITS } from '../../analysis/schema/metric.ts'

/** The part of run.json's `environment` that tells how a driver's devices are set. */
const environmentSchema = z.looseObject({
  driver_version: z.string().nullish(),
  devices: z
    .record(
      z.string(),
      z.looseObject({
        settings: z.record(z.string(), z.unknown()).nullish(),
        clocks_max: z.record(z.string(), z.number().nullish()).nullish(),
        performance_state: z.string().nullish(),
      }),
    )
    .nullish(),
  processes: z
    .looseObject({
      devices: z.record(
        z.string(),
        z.array(z.looseObject({ pid: z.int(), name: z.string().nullish() })).nullable(),
      ),
    })
    .nullish(),
})

type Processes = { pid: number; name: string | null }[] | null

/** What every driver's environment tells of one device. */
export function environmentOf(
  environment: Readonly<Record<string, unknown>>,
  device_id: string,
): { driver: string | null; settings: Record<string, unknown>; processes: Processes } {
  for (const part of Object.values(environment)) {
    const told = environmentSchema.safeParse(part)
    if (!told.success) continue
    const { devices, processes, driver_version } = told.data
    const device = devices?.[device_id]
    if (device === undefined) continue
    return {
      driver: driver_version ?? null,
      settings: { ...device.settings },
      processes:
        processes?.devices[device_id]?.map(({ pid, name }) => ({ pid, name: name ?? null })) ??
        null,
    }
  }
  return { driver: null, settings: {}, processes: null }
}

/** What each setting is asked about, and what to type where another measures better. `{i}`: the GPU's index. */
const WORTH: Readonly<Record<string, (value: unknown, all: Settings) => string | null>> = {
  persistence_mode: (on) =>
    on === false
      ? 'the driver may unload between runs, and idle power jumps; sudo nvidia-smi -i {i} -pm 1'
      : null,
  power_limit_enforced_w: (now, { power_limit_default_w: usual }) =>
    typeof now === 'number' && typeof usual === 'number' && now < usual
      ? `below the usual ${Math.round(usual)} W: results hold for this limit`
      : null,
  mig_mode: (on) =>
    on === true ? 'power is that of the whole GPU; its parts get a labelled share' : null,
  ecc_mode: () => null,
  compute_mode: (mode) =>
    mode === 'prohibited' ? 'no program may compute on it; sudo nvidia-smi -i {i} -c 0' : null,
  graphics_clock_app_mhz: (mhz, { graphics_clock_boost_max_mhz: most }) =>
    typeof mhz === 'number' && typeof most === 'number' && mhz < most
      ? `clocks are held below their ${most} MHz; sudo nvidia-smi -i {i} -rac`
      : null,
  power_smoothing: (on) => (on === true ? 'floors and slow ramps: idle power means little' : null),
  workload_profiles_enforced: (names) =>
    typeof names === 'string' && names !== '' ? 'a power profile changes what is drawn' : null,
}
type Settings = Readonly<Record<string, unknown>>

/** The settings worth knowing, of those that the driver tells. */
export function worthKnowing(settings: Settings, index: number | null): DoctorSetting[] {
  return Object.entries(WORTH).flatMap(([setting, judge]) => {
    const value = settings[setting]
    if (value == null || value === '') return []
    const shown = typeof value === 'number' || typeof value === 'boolean' ? value : String(value)
    const advice = judge(value, settings)?.replaceAll('{i}', String(index ?? 0)) ?? null
    return [{ setting, value: shown, advice }]
  })
}

/** Names of the clock event reasons that are set; idle is none. */
export function throttleNames(bits: number | null): string[] | null {
  if (bits === null) return null
  return Object.entries(THROTTLE_BITS)
    .filter(([name, bit]) => name !== 'gpu_idle' && (bits & bit) !== 0)
    .map(([name]) => name)
}
