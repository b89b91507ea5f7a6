import { type EnergyEstimate, estimate } from '../estimators/energy-estimate.ts'
import { type EnergySource, energySources } from '../estimators/energy-source.ts'
import { repeatable } from '../estimators/uncertainty.ts'
import type { RunData } from '../readings/run-data.ts'
import { type CalibrationStep, calibrationStepSchema } from '../schema/calibrate.ts'
import { NS_PER_S } from '../schema/units.ts'
import { mean, sampleSd } from '../stats/moments.ts'

const ROOT_12 = Math.sqrt(12)

/** Mean watts of a step, and how well they are known, standard. */
export interface StepMean {
  readonly watts: number
  readonly u_w: number
}

/** The steps of load that were recorded, in their order. */
export function calibrationSteps(run: Pick<RunData, 'events'>): CalibrationStep[] {
  return run.events
    .filter((e) => e.code === 'calibration_step')
    .flatMap((e) => {
      const read = calibrationStepSchema.safeParse(parsed(e.detail ?? null))
      return read.success && read.data.end_t_ns > read.data.start_t_ns ? [read.data] : []
    })
    .sort((a, b) => a.step - b.step)
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return null
  }
}

/** Mean power of a step by one source, as it was read; null where it does not cover the step. */
export function sensorMean(source: EnergySource, step: CalibrationStep): StepMean | null {
  const window = { start_ns: step.start_t_ns, end_ns: step.end_t_ns }
  const seconds = (window.end_ns - window.start_ns) / NS_PER_S
  const found: EnergyEstimate = estimate({ ...source, calibration: null }, window, 0, null)
  if (found.energy_j === null) return null
  return { watts: found.energy_j / seconds, u_w: repeatable(found.components) / seconds }
}

/** A meter's means, and the smallest step of what it tells. */
export interface MeterMeans {
  readonly means: readonly (StepMean | null)[]
  readonly resolution_w: number
  readonly error_rel: number
  /** How often the meter answered, s; null: fewer than two readings, or typed ones. */
  readonly interval_s: number | null
}

/** Fewer readings within a step tell no mean. */
export const READINGS_MIN = 3

/**
 * Mean power of each step by a meter's own readings: of the node's, else of all supplies together. Its mean is
 * known by the scatter of the readings, and no better than its last digit.
 */
export function meterMeans(
  run: RunData,
  meter: string,
  steps: readonly CalibrationStep[],
): MeterMeans {
  const all = energySources(run).filter((s) => s.source === meter)
  const whole = all.filter((s) => s.scope === 'node')
  const used = whole.length > 0 ? whole : all
  const resolutions = used.map((s) => resolutionOf(s))
  const each = used.map((source, k) =>
    steps.map((step): StepMean | null => {
      const read = within(source, step)
      const watts = mean(read)
      if (watts === null || read.length < READINGS_MIN) return null
      const scatter = (sampleSd(read) ?? 0) / Math.sqrt(read.length)
      return { watts, u_w: Math.hypot(scatter, (resolutions[k] as number) / ROOT_12) }
    }),
  )
  return {
    means: steps.map((_, i) => added(each.map((means) => means[i] ?? null))),
    resolution_w: Math.max(0, ...resolutions),
    error_rel: Math.max(0, ...used.map((s) => s.gain_rel)),
    interval_s: slowest(used),
  }
}

/** What a person typed: known to its last digit. */
export const typedMeans = (steps: readonly CalibrationStep[], error_rel: number): MeterMeans => ({
  means: steps.map((s) =>
    s.typed_w == null ? null : { watts: s.typed_w, u_w: (s.typed_step_w ?? 1) / ROOT_12 },
  ),
  resolution_w: Math.max(0, ...steps.map((s) => s.typed_step_w ?? 0)),
  error_rel,
  interval_s: null,
})

/**
 * The time between two readings that nine of ten do not exceed, of the source that answers least often: those at the
 * edges of steps come between the regular ones, so a median would be too short.
 */
function slowest(sources: readonly EnergySource[]): number | null {
  const usual = sources.flatMap(({ t_ns, value }) => {
    const times = [...t_ns].filter((_, i) => Number.isFinite(value[i]))
    const gaps = times.slice(1).map((t, i) => (t - (times[i] as number)) / NS_PER_S)
    return gaps.sort((a, b) => a - b)[Math.floor(0.9 * gaps.length)] ?? []
  })
  return usual.length === 0 ? null : Math.max(...usual)
}

/** Sum of all, null as soon as one is. */
export function added(means: readonly (StepMean | null)[]): StepMean | null {
  if (means.length === 0 || means.some((m) => m === null)) return null
  const known = means as readonly StepMean[]
  return {
    watts: known.reduce((sum, m) => sum + m.watts, 0),
    u_w: Math.hypot(...known.map((m) => m.u_w)),
  }
}

function within(source: EnergySource, { start_t_ns, end_t_ns }: CalibrationStep): number[] {
  const { t_ns, value, factor } = source
  const read: number[] = []
  for (let i = 0; i < t_ns.length; i++) {
    const t = t_ns[i] as number
    if (t > start_t_ns && t <= end_t_ns && Number.isFinite(value[i]))
      read.push((value[i] as number) * factor)
  }
  return read
}

/** So many unlike readings show their common step beyond doubt; fewer may be apart by several of it. */
const READINGS_TELLING = 8

/** The step in which a meter tells its power: what divides all that its readings differ by, else their last digit. */
function resolutionOf({ value, factor }: EnergySource): number {
  const seen = [...new Set(value)].filter(Number.isFinite).map(Math.round)
  const first = seen[0]
  if (first === undefined) return 0
  const step =
    seen.length >= READINGS_TELLING
      ? seen.reduce((known, v) => divisor(known, Math.abs(v - first)), 0)
      : lastDigit(seen.reduce((known, v) => divisor(known, v), 0))
  return step * factor
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))

/** The greatest power of ten that divides it. */
function lastDigit(value: number): number {
  let digit = 1
  while (value !== 0 && value % (10 * digit) === 0) digit *= 10
  return digit
}
