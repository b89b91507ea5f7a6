import { calibrated, calibrationDoubt } from '../../analysis/estimators/calibration.ts'
import type { Calibration } from '../../analysis/schema/calibration.ts'
import type { DoctorSource } from '../../analysis/schema/doctor.ts'

type Power = Pick<DoctorSource, 'unit' | 'value' | 'energy' | 'metric' | 'scope'>

const WATTS: Readonly<Record<string, number>> = { W: 1, mW: 1e-3, uW: 1e-6 }
/** A limit is no power, and a part of the device not its own. */
const isWhole = ({ metric, scope }: Power): boolean =>
  !metric.startsWith('gpu_power_limit_') && metric !== 'gpu_memory_power_mw' && scope !== 'core'

function watts({ unit, value, energy }: Power): number | null {
  const each = energy && unit !== null ? WATTS[unit] : undefined
  return each === undefined || value === null ? null : value * each
}

/** The power that a source tells or, of a counter, what another source of the device tells; null: nothing does. */
export function wattsNow(source: Power, all: readonly Power[]): number | null {
  const own = watts(source)
  if (own !== null) return own
  for (const other of all) {
    const told = isWhole(other) ? watts(other) : null
    if (told !== null) return told
  }
  return null
}

/**
 * What a calibration leaves open of one source, as a share of the power now: twice its standard uncertainty, as the
 * ranges of results are. Without a power now that of the middle of what was calibrated counts.
 * @returns null: not known of a power of zero
 */
export function calibratedAccuracy(
  calibration: Calibration,
  watts_now: number | null,
): DoctorSource['accuracy'] {
  const [least, most] = calibration.range_w ?? [100, 100]
  const read_w = watts_now ?? (least + most) / 2
  const true_w = calibrated(read_w, 1, calibration)
  if (!(true_w > 0)) return null
  const gain_rel = (2 * calibrationDoubt(read_w, 1, calibration)) / true_w
  return { gain_rel, basis: 'measured' }
}

/** The least that a source may be wrong by, W, where that is more than its share of the power now; else null. */
export function leastBound(source: DoctorSource, all: readonly DoctorSource[]): number | null {
  const { gain_rel, offset_w } = source.accuracy ?? {}
  if (gain_rel == null || offset_w == null || offset_w === 0) return null
  const now = wattsNow(source, all)
  return now === null || now * gain_rel < offset_w ? offset_w : null
}
