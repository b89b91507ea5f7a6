import { driverOf } from '../estimators/calibration.ts'
import { type EnergySource, energySources } from '../estimators/energy-source.ts'
import { decodeRun, type StoredChunk } from '../readings/decode-run.ts'
import type { RunData } from '../readings/run-data.ts'
import type {
  CalibrateReport,
  CalibrationRefusal,
  CalibrationResult,
  CalibrationStep,
} from '../schema/calibrate.ts'
import type { MeterSees } from '../schema/calibration.ts'
import { runFileSchema } from '../schema/run.ts'
import { NS_PER_S } from '../schema/units.ts'
import { THRESHOLDS } from '../thresholds.ts'
import { fitCalibration, LIMITS, type Measured } from './calibration-fit.ts'
import {
  added,
  calibrationSteps,
  type MeterMeans,
  meterMeans,
  READINGS_MIN,
  type StepMean,
  sensorMean,
  typedMeans,
} from './calibration-steps.ts'

/** What is known of a calibration beside its recording. */
export interface CalibrationHow {
  readonly device_id: string
  /** A meter's source, or `typed`. */
  readonly meter: string
  readonly sees: MeterSees
  readonly psu_efficiency: number
  readonly psu_efficiency_u: number
  /** true: nobody stated the efficiency. */
  readonly psu_assumed: boolean
  /** Bound of the relative error of typed readings. */
  readonly typed_error_rel: number
  readonly measured_at: string
}

/** The same for a run as it lies in its bundle. */
export const judgeRecordedCalibration = (
  runFile: unknown,
  chunks: Iterable<StoredChunk>,
  how: CalibrationHow,
): CalibrateReport => judgeCalibration(decodeRun(runFileSchema.parse(runFile), chunks), how)

/**
 * Gain and offset of every source of a device's power, from steps of load that a meter saw too.
 * Source: docs/measuring.md, "Calibrate".
 */
export function judgeCalibration(run: RunData, how: CalibrationHow): CalibrateReport {
  const steps = calibrationSteps(run)
  const meter =
    how.meter === 'typed'
      ? typedMeans(steps, how.typed_error_rel)
      : meterMeans(run, how.meter, steps)
  const own = energySources(run, how.device_id).filter((s) => s.measured && OWN.includes(s.scope))
  // What belongs to a part of its own is no source of this one.
  const scope = own.some((s) => s.scope === 'gpu') ? 'gpu' : (own[0]?.scope ?? null)
  const sources = own.filter((s) => s.scope === scope)
  const others = how.sees === 'device' ? [] : otherParts(run, how.device_id, scope, steps)
  const device = run.devices.find((d) => d.device_id === how.device_id)
  const named = {
    device_id: how.device_id,
    driver_version: driverOf(run, sources[0]?.source ?? ''),
    meter: meterName(run, how.meter),
    sees: how.sees,
    psu_efficiency: how.psu_efficiency,
    psu_efficiency_u: how.psu_efficiency_u,
  }
  return {
    ...named,
    model: device?.model ?? null,
    others: others.map((o) => o.name),
    assumptions: assumptions(how, others.length > 0),
    results: sources.map((source) =>
      judgeSource(source, steps, meter, others, {
        ...named,
        driver_version: driverOf(run, source.source),
        measured_at: how.measured_at,
      }),
    ),
  }
}

const OWN: readonly string[] = ['gpu', 'package']
/** Disjoint parts of a node. */
const PARTS: readonly string[] = ['gpu', 'package', 'dram']

export interface OtherPart {
  readonly name: string
  readonly means: readonly (StepMean | null)[]
}

/** The other measured parts of the node, each by the first of its sources that covers every step. */
function otherParts(
  run: RunData,
  device_id: string,
  scope: string | null,
  steps: readonly CalibrationStep[],
): OtherPart[] {
  const rest = energySources(run).filter(
    (s) =>
      s.measured &&
      PARTS.includes(s.scope) &&
      !(s.device_id === device_id && (s.scope === scope || scope === 'gpu')),
  )
  const parts = new Map<string, OtherPart>()
  for (const source of rest) {
    const name = `${source.device_id} ${source.scope}`
    if (parts.has(name)) continue
    const means = steps.map((step) => sensorMean(source, step))
    if (means.every((m) => m !== null)) parts.set(name, { name, means })
  }
  return [...parts.values()]
}

type Named = Omit<Parameters<typeof fitCalibration>[1], 'source'>

function judgeSource(
  source: EnergySource,
  steps: readonly CalibrationStep[],
  meter: MeterMeans,
  others: readonly OtherPart[],
  named: Named,
): CalibrationResult {
  const refuse = (refusal: CalibrationRefusal, why: string): CalibrationResult => ({
    ...{ source: source.source, refusal, why, calibration: null },
    ...{ parts: [], chi_square_reduced: null, steps: [] },
  })
  const short = tooShort(steps, meter, named.meter)
  if (short !== null) return refuse('too_few_steps', short)
  if (meter.means.every((m) => m === null))
    return refuse('no_meter', `${named.meter} told nothing within the steps.`)
  const measured = steps.flatMap((step, i): Measured[] => {
    const read = sensorMean(source, step)
    const seen = meter.means[i]
    const rest = added(others.map((o) => o.means[i] ?? null)) ?? { watts: 0, u_w: 0 }
    return read === null || seen == null ? [] : [{ step, read, meter: seen, others: rest }]
  })
  if (measured.length === 0) return refuse('no_sensor', `${source.source} does not cover any step.`)
  return fitCalibration(measured, {
    ...named,
    source: source.source,
    resolution_w: meter.resolution_w,
    error_rel: meter.error_rel,
    others_error_rel: THRESHOLDS.sensor_gain,
    stated_rel: source.gain_rel,
    stated_w: source.offset_w,
  })
}

/** Why a meter that answers tells hardly a mean: the steps end before it has answered often enough. */
function tooShort(
  steps: readonly CalibrationStep[],
  { means, interval_s }: MeterMeans,
  meter: string,
): string | null {
  if (interval_s === null || means.filter((m) => m !== null).length >= LIMITS.steps) return null
  const step_s = Math.min(...steps.map((s) => (s.end_t_ns - s.start_t_ns) / NS_PER_S))
  // One more than are needed: no meter is as regular as its mean.
  const needed_s = Math.ceil((READINGS_MIN + 1) * interval_s)
  if (step_s >= needed_s) return null
  return `${meter} answers about every ${interval_s.toFixed(1)} s, and a step of ${step_s.toFixed(1)} s is too short for the ${READINGS_MIN} readings that its mean needs: give --step-seconds ${needed_s} or more.`
}

function meterName(run: RunData, meter: string): string {
  const told = run.environment[meter]
  const first: unknown = Array.isArray(told) ? told[0] : null
  const url =
    first !== null && typeof first === 'object' ? (first as Record<string, unknown>)['url'] : null
  return typeof url === 'string' ? `${meter} ${url}` : meter
}

function assumptions(how: CalibrationHow, hasOthers: boolean): string[] {
  const { psu_efficiency: share, psu_efficiency_u: u } = how
  if (how.sees === 'device') return ['The meter sees the device alone.']
  return [
    'The meter sees the whole node, so only what changes with the load is compared: the gain is measured, and idle power stays as the sensor reads it, with its stated bound.',
    share === 1 && u === 0
      ? "What the power supply loses is taken as nothing: where the meter hangs before the supply, its loss is in the gain, and the device's joules then are those at the outlet."
      : `Of what the meter tells, ${share} ± ${u} reaches the parts${how.psu_assumed ? ', which is assumed: --psu-efficiency states what the supply does at this load' : ', as stated'}.`,
    hasOthers
      ? 'What the other measured parts drew more under load is taken away; fans and what is not measured are not.'
      : 'No other part of the node is measured here: what the processor and fans draw more under load is in the gain.',
  ]
}
