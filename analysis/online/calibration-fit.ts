import { calibrationDoubt } from '../estimators/calibration.ts'
import type { CalibrationRefusal, CalibrationResult, CalibrationStep } from '../schema/calibrate.ts'
import type { Calibration, MeterSees } from '../schema/calibration.ts'
import { type Line, yorkLine } from '../stats/york-line.ts'
import type { StepMean } from './calibration-steps.ts'

/** One step on both sides. */
export interface Measured {
  readonly step: Pick<CalibrationStep, 'level' | 'start_t_ns' | 'end_t_ns'>
  readonly read: StepMean
  readonly meter: StepMean
  readonly others: StepMean
}

export interface FitHow {
  readonly device_id: string
  readonly driver_version: string | null
  readonly source: string
  readonly meter: string
  readonly measured_at: string
  readonly sees: MeterSees
  readonly psu_efficiency: number
  readonly psu_efficiency_u: number
  /** The meter's last digit, W, and the bound of its relative error. */
  readonly resolution_w?: number
  readonly error_rel?: number
  /** Bound of the relative error of the other parts' sensors. */
  readonly others_error_rel?: number
  /** Stated bounds of the sensor's own error, relative and in W: the greater holds. */
  readonly stated_rel?: number
  readonly stated_w?: number
}

export const LIMITS = {
  steps: 3,
  span_w: 10,
  span_share: 0.2,
  /** The meter's last digit, of what it saw change. */
  coarse: 1 / 20,
  drift: 0.1,
  gain: [0.5, 2],
  /** Standard, of the gain, by the steps alone. */
  scatter: 0.05,
} as const
const ROOT_3 = Math.sqrt(3)

/**
 * Fits a straight line to the steps: what reached the device by the meter (its reading × efficiency, less the other
 * parts) against what the sensor read, both with their errors. A meter of the node knows no device's idle power, so
 * there only the slope counts, and the offset keeps the sensor's own reading at idle.
 * Source: docs/measuring.md, "Calibrate".
 */
export function fitCalibration(measured: readonly Measured[], how: FitHow): CalibrationResult {
  const { psu_efficiency: share } = how
  const points = measured.map((m) => ({
    x: m.read.watts,
    y: share * m.meter.watts - m.others.watts,
    u_x: m.read.u_w,
    // A meter without scatter whose last digit never showed is not known exactly either.
    u_y: Math.max(Math.hypot(share * m.meter.u_w, m.others.u_w), 1e-6 * Math.abs(m.meter.watts)),
  }))
  const line = yorkLine(points)
  const refusal = refused(measured, how) ?? (line === null ? none('too_few_steps') : null)
  const steps = measured.map((m, i) => ({
    level: m.step.level,
    seconds: (m.step.end_t_ns - m.step.start_t_ns) / 1e9,
    ...{ read_w: m.read.watts, read_u_w: m.read.u_w },
    ...{ meter_w: m.meter.watts, meter_u_w: m.meter.u_w, others_w: m.others.watts },
    residual_w:
      line === null
        ? null
        : (points[i]?.y ?? 0) - line.intercept - line.slope * (points[i]?.x ?? 0),
  }))
  const blank = { source: how.source, calibration: null, parts: [], steps }
  if (refusal !== null || line === null)
    return { ...blank, ...(refusal ?? none('too_few_steps')), chi_square_reduced: null }
  const chi_square_reduced = line.chi_square / (points.length - 2)
  const worse = Math.sqrt(Math.max(1, chi_square_reduced))
  const bad = badLine(line, worse)
  if (bad !== null) return { ...blank, ...bad, chi_square_reduced }
  const { calibration, parts } = concluded(measured, how, line, worse)
  const dull = notSharper(calibration, how)
  if (dull !== null) return { ...blank, ...dull, parts, chi_square_reduced }
  return { ...blank, refusal: null, why: null, calibration, parts, chi_square_reduced }
}

interface Refused {
  readonly refusal: CalibrationRefusal
  readonly why: string
}

const none = (refusal: CalibrationRefusal, why = 'There is no line.'): Refused => ({ refusal, why })

function refused(measured: readonly Measured[], how: FitHow): Refused | null {
  if (measured.length < LIMITS.steps)
    return none(
      'too_few_steps',
      `${measured.length} steps were measured on both sides; three are the least. Make longer steps (--step-seconds) or look at the meter.`,
    )
  const most = Math.max(...measured.map((m) => m.read.watts))
  const span = most - Math.min(...measured.map((m) => m.read.watts))
  if (span < Math.max(LIMITS.span_w, LIMITS.span_share * most))
    return none(
      'span_too_small',
      `${how.source} read between ${(most - span).toFixed(1)} and ${most.toFixed(1)} W, too close together for a line; the load must draw at least ${LIMITS.span_w} W and ${LIMITS.span_share * 100} % more than idle.`,
    )
  const seen = measured.map((m) => m.meter.watts)
  const seenSpan = Math.max(...seen) - Math.min(...seen)
  if ((how.resolution_w ?? 0) > LIMITS.coarse * seenSpan)
    return none(
      'meter_too_coarse',
      `The meter tells steps of ${how.resolution_w} W and saw ${seenSpan.toFixed(1)} W change; it must tell a twentieth of that. Take a finer meter or a greater load.`,
    )
  const idle = measured.filter((m) => m.step.level === 0).map((m) => m.meter.watts)
  const drift = (idle.at(-1) ?? 0) - (idle[0] ?? 0)
  if (Math.abs(drift) > LIMITS.drift * seenSpan)
    return none(
      'meter_drifted',
      `The meter told ${(idle[0] ?? 0).toFixed(1)} W idle at the start and ${(idle.at(-1) ?? 0).toFixed(1)} W at the end; something else on the node changed. Stop it and try again.`,
    )
  return null
}

function badLine({ slope, u_slope }: Line, worse: number): Refused | null {
  const [least, most] = LIMITS.gain
  if (!(slope >= least && slope <= most))
    return none(
      'implausible_gain',
      `The meter's watts change ${slope.toFixed(2)} times as much as the sensor's; it does not measure this device's supply, or not all of it.`,
    )
  const scatter = (u_slope * worse) / slope
  if (scatter > LIMITS.scatter)
    return none(
      'too_uncertain',
      `The steps tell the gain to ${(100 * scatter).toFixed(1)} % only (standard); longer steps (--step-seconds) or a quieter node make it sharper.`,
    )
  return null
}

const statedWatts = (how: FitHow, watts: number): number =>
  Math.max(how.stated_w ?? 0, (how.stated_rel ?? 0) * watts)

/** What leaves the sensor less well known than its maker states would only widen every range. */
function notSharper(calibration: Calibration, how: FitHow): Refused | null {
  const most = calibration.range_w?.[1] ?? 0
  const stated = statedWatts(how, most) / ROOT_3
  const left = calibrationDoubt(most, 1, calibration)
  if (stated === 0 || left < stated) return null
  return none(
    'no_sharper',
    `At ${most.toFixed(0)} W the sensor would be known to ± ${left.toFixed(1)} W (standard), no better than by its stated bound (± ${stated.toFixed(1)} W): state --psu-efficiency and the meter's error_pct, or take a better meter.`,
  )
}

/** Gain and offset with all that they are uncertain by. */
function concluded(measured: readonly Measured[], how: FitHow, line: Line, worse: number) {
  const gain = line.slope
  const { psu_efficiency: share, psu_efficiency_u: share_u } = how
  // Both scale the meter's side alone, so they act on the slope of the meter, not on that of the other parts.
  const meterSlope = gain + othersSlope(measured)
  const scales = [
    { name: 'u_supply', value: meterSlope * (share_u / share) },
    { name: 'u_meter', value: (meterSlope * (how.error_rel ?? 0)) / ROOT_3 },
  ]
  const parts = [
    { name: 'u_fit', value: line.u_slope * worse },
    ...scales,
    {
      name: 'u_others',
      value: (Math.abs(othersSlope(measured)) * (how.others_error_rel ?? 0)) / ROOT_3,
    },
  ]
  const gain_u = Math.hypot(...parts.map((p) => p.value))
  const reads = measured.map((m) => m.read.watts)
  const common = {
    device_id: how.device_id,
    driver_version: how.driver_version,
    source: how.source,
    ...{ gain, gain_u, measured_at: how.measured_at, meter: how.meter, sees: how.sees },
    ...{ psu_efficiency: share, psu_efficiency_u: share_u, n: measured.length },
    range_w: [Math.min(...reads), Math.max(...reads)] as [number, number],
  }
  if (how.sees === 'device') {
    // What scales the meter scales gain and offset alike.
    const scale = Math.hypot(...scales.map((s) => s.value)) / gain
    const offset_u_w = Math.hypot(line.u_intercept * worse, line.intercept * scale)
    const covariance = line.covariance * worse ** 2 + gain * line.intercept * scale ** 2
    const calibration: Calibration = {
      ...common,
      ...{ offset_w: line.intercept, offset_u_w, covariance },
    }
    return { calibration, parts: parts.filter((p) => p.value > 0) }
  }
  const idle_w = idleWatts(measured)
  const calibration: Calibration = {
    ...common,
    offset_w: idle_w * (1 - gain),
    offset_u_w: Math.hypot(statedWatts(how, idle_w) / ROOT_3, idle_w * gain_u),
    covariance: -idle_w * gain_u ** 2,
  }
  return { calibration, parts: parts.filter((p) => p.value > 0) }
}

/** What the sensor read at idle, else at the least load. */
function idleWatts(measured: readonly Measured[]): number {
  const idle = measured.filter((m) => m.step.level === 0).map((m) => m.read.watts)
  return idle.length === 0
    ? Math.min(...measured.map((m) => m.read.watts))
    : idle.reduce((a, b) => a + b, 0) / idle.length
}

/** Watts that the other parts drew more for each watt of the device. */
function othersSlope(measured: readonly Measured[]): number {
  const n = measured.length
  const mean_x = measured.reduce((sum, m) => sum + m.read.watts, 0) / n
  const over = measured.reduce((sum, m) => sum + (m.read.watts - mean_x) * m.others.watts, 0)
  const under = measured.reduce((sum, m) => sum + (m.read.watts - mean_x) ** 2, 0)
  return over / under
}
