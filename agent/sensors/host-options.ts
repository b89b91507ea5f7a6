import type { Meter } from '../../analysis/schema/meter.ts'
import type { Clock } from '../clock.ts'
import type { SensorOptions } from './sensor.ts'

/** Where this host's sensors are looked for: the usual places, or what the LLEM_ variables say instead. */
export function hostOptions(
  clock: Clock,
  env: Readonly<Record<string, string | undefined>>,
  meters: readonly Meter[] = [],
): SensorOptions {
  return {
    clock,
    sysfsRoot: env['LLEM_SYSFS_ROOT'] ?? '/sys',
    procRoot: env['LLEM_PROC_ROOT'] ?? '/proc',
    nvmlPath: env['LLEM_NVML_PATH'] ?? null,
    amdsmiPath: env['LLEM_AMDSMI_PATH'] ?? null,
    env,
    meters,
  }
}
