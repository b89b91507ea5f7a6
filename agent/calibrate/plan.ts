import type { MeterSees } from '../../analysis/schema/calibration.ts'

/** What is asked of `calibrate`. */
export interface CalibratePlan {
  readonly device: string | null
  /** A meter's source, or `typed`. */
  readonly meter: string
  readonly sees: MeterSees
  /** Levels of load beside idle. */
  readonly steps: number
  readonly step_s: number
  /** null: as long as the meter needs. */
  readonly settle_s: number | null
  readonly load: string | null
}

/** Power, fans and clocks have settled so long after a change of load. */
const SETTLE_S = 5
/** A meter's reading may be as old as it states; twice that is beyond doubt. */
const LAGS = 2

export const settleSeconds = (plan: CalibratePlan, lag_s: number): number =>
  plan.settle_s ?? Math.max(SETTLE_S, LAGS * lag_s)

/**
 * The levels in their order: idle first and last, which shows whether the node changed meanwhile; between them low and
 * high ones by turns, so that what warms up slowly does not look like a gain.
 */
export function levelsOf(steps: number): number[] {
  const rising = Array.from({ length: steps }, (_, i) => (i + 1) / steps)
  const mixed: number[] = []
  while (rising.length > 0) {
    mixed.push(rising.pop() as number)
    const low = rising.shift()
    if (low !== undefined) mixed.push(low)
  }
  return [0, ...mixed, 0]
}

export const plannedSeconds = (plan: CalibratePlan, settle_s: number): number =>
  levelsOf(plan.steps).length * (settle_s + plan.step_s)
