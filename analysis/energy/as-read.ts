import { uncalibrated } from '../estimators/calibration.ts'
import type { EnergyEstimate } from '../estimators/energy-estimate.ts'

/** Joules of an estimate as the sensor itself said: one source may be calibrated and another not. */
export const asRead = (e: EnergyEstimate, seconds: number): number =>
  e.origin.calibration === null
    ? (e.energy_j as number)
    : uncalibrated(e.energy_j as number, seconds, e.origin.calibration)
