import type { RunData } from '../readings/run-data.ts'
import { type Calibration, calibrationSchema } from '../schema/calibration.ts'

/**
 * The newest calibration of one source of a device that holds for the driver of the run, of those in run.json's
 * environment (`calibrations`); null where there is none. What can't be read is no calibration.
 * Source: docs/metrics.md, "Energy", u_sensor_j.
 */
export function calibrationFor(
  run: Pick<RunData, 'environment'>,
  device_id: string,
  source: string,
): Calibration | null {
  let newest: Calibration | null = null
  for (const c of calibrationsOf(run)) {
    if (c.device_id !== device_id || c.source !== source || !holds(run, c)) continue
    if (newest === null || c.measured_at > newest.measured_at) newest = c
  }
  return newest
}

/** Calibrations of the run's devices that hold for another driver, where none of the same source does for this one. */
export const unusedCalibrations = (run: Pick<RunData, 'environment'>): Calibration[] =>
  calibrationsOf(run).filter(
    (c) => !holds(run, c) && calibrationFor(run, c.device_id, c.source) === null,
  )

function calibrationsOf(run: Pick<RunData, 'environment'>): Calibration[] {
  const listed = run.environment['calibrations']
  if (!Array.isArray(listed)) return []
  return listed.flatMap((entry) => calibrationSchema.safeParse(entry).data ?? [])
}

const holds = (run: Pick<RunData, 'environment'>, c: Calibration): boolean =>
  c.driver_version === null || c.driver_version === driverOf(run, c.source)

/** `nvml_power_ring` comes through the driver that the environment tells under `nvml`. */
export function driverOf(run: Pick<RunData, 'environment'>, source: string): string | null {
  const library = run.environment[sourceFamily(source)]
  if (library === null || typeof library !== 'object') return null
  const version = (library as Record<string, unknown>)['driver_version']
  return typeof version === 'string' ? version : null
}

/** Sources of one family are fed by one sensor of the device, and are wrong together: `nvml` of `nvml_power_ring`. */
export const sourceFamily = (source: string): string => source.split('_')[0] as string

/** Joules over a span as they would have been with a true sensor. */
export const calibrated = (
  energy_j: number,
  seconds: number,
  { gain, offset_w }: Pick<Calibration, 'gain' | 'offset_w'>,
): number => gain * energy_j + offset_w * seconds

/** The other way: what the sensor itself said. */
export const uncalibrated = (
  energy_j: number,
  seconds: number,
  { gain, offset_w }: Pick<Calibration, 'gain' | 'offset_w'>,
): number => (energy_j - offset_w * seconds) / gain

/**
 * Standard uncertainty of calibrated joules by the calibration's own: of gain × E + offset × T.
 * @param read_j what the sensor itself said
 */
export const calibrationDoubt = (
  read_j: number,
  seconds: number,
  { gain_u, offset_u_w, covariance }: Calibration,
): number =>
  Math.sqrt(
    Math.max(
      0,
      (read_j * gain_u) ** 2 + (seconds * offset_u_w) ** 2 + 2 * read_j * seconds * covariance,
    ),
  )
