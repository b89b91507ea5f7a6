import type { EnergyEstimate } from '../estimators/energy-estimate.ts'
import { repeatable } from '../estimators/uncertainty.ts'
import type {
  BesideCompared,
  BesideComponent,
  BesideEvent,
  BesideReason,
  BesideWhy,
} from '../schema/beside.ts'
import { REASONS } from '../schema/reason.ts'
import { NS_PER_S } from '../schema/units.ts'
import { type Window, windowSeconds } from '../window.ts'
import { asRead } from './as-read.ts'
import type { DeviceEnergy } from './device-energy.ts'
import type { ScopedEnergy } from './scoped-energy.ts'

/** How often the counters move that other tools read, s: NVML's, and RAPL's. Source: docs/measuring.md. */
export const BESIDE_COUNTER_S: Readonly<Record<BesideComponent, number>> = {
  gpu: 0.1,
  cpu: 0.001,
  dram: 0.001,
}
/** CodeCarbon 3.3 leaves out its last reading where the one before is younger than this, s. */
const SKIPPED_S = 0.05
const COVERAGE = 2

export interface Comparison {
  readonly told: BesideEvent
  /** Ours. */
  readonly window: Window
  readonly component: BesideComponent
  readonly theirs_j: number | null
  readonly how: BesideCompared['how']
  /** null: no device of ours is of this component. */
  readonly ours: ScopedEnergy | null
  /** Ours over another window. */
  readonly within: (window: Window) => ScopedEnergy
  readonly refresh_s: number
}

type Explained = Pick<BesideCompared, 'why' | 'unexplained_j'>

/**
 * Why a tool's joules differ from ours: each reason with the joules between which it lies, theirs less ours. What of
 * the difference lies outside the sum of them all is unexplained.
 * Source: docs/metrics.md, "Other tools".
 */
export function whyDiffers(c: Comparison): Explained {
  const { theirs_j, ours } = c
  if (theirs_j === null) return only('not_told', 'It tells nothing of this.')
  if (theirs_j === 0)
    return only('not_told', 'It tells 0 J, which it also does for what it can’t read.')
  if (ours === null || ours.energy_j === null)
    return only(
      'not_measured_here',
      `Nothing here tells it over the window: ${REASONS[ours?.reason ?? 'no_device']}.`,
    )
  if (c.how === 'modelled')
    return only('modelled', 'It does not measure this: it takes it from a model of the part.')
  if (!ours.measured)
    return only('not_measured_here', 'Ours is an estimate by processor time, not measured.')
  const why = [
    windowShift(c, ours),
    pue(c),
    calibration(ours),
    ...source(ours),
    counterRefresh(c, ours),
    ...lastReading(c, ours),
    ...repeatability(ours),
  ].flatMap((w) => w ?? [])
  const low = sum(why.map((w) => w.low_j ?? 0))
  const high = sum(why.map((w) => w.high_j ?? 0))
  const difference = theirs_j - ours.energy_j
  return { why, unexplained_j: difference - Math.min(Math.max(difference, low), high) }
}

const only = (reason: BesideReason, words: string): Explained => ({
  why: [{ reason, low_j: null, high_j: null, words }],
  unexplained_j: null,
})

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** Its first reading was made somewhere within its first call, and its last within the last one. */
function windowShift({ told, window, within }: Comparison, ours: ScopedEnergy): BesideWhy | null {
  const { begin_t_ns, end_t_ns } = told
  if (begin_t_ns == null || end_t_ns == null) return null
  const own_j = ours.energy_j as number
  const power_w = own_j / windowSeconds(window)
  const joules = (start_ns: number, end_ns: number): number =>
    within({ start_ns, end_ns, rule: 'beside' }).energy_j ??
    (power_w * (end_ns - start_ns)) / NS_PER_S
  const before_ms = (window.start_ns - (begin_t_ns[0] + begin_t_ns[1]) / 2) / 1e6
  const after_ms = ((end_t_ns[0] + end_t_ns[1]) / 2 - window.end_ns) / 1e6
  return {
    reason: 'window',
    low_j: joules(begin_t_ns[1], Math.max(end_t_ns[0], begin_t_ns[1] + 1)) - own_j,
    high_j: joules(begin_t_ns[0], end_t_ns[1]) - own_j,
    words: `It began ${apart(before_ms, 'before', 'after')} ours and ended ${apart(after_ms, 'after', 'before')} it.`,
  }
}

const apart = (ms: number, one: string, other: string): string =>
  `${Math.abs(ms).toFixed(Math.abs(ms) < 10 ? 1 : 0)} ms ${ms >= 0 ? one : other}`

function pue({ told, theirs_j }: Comparison): BesideWhy | null {
  if (told.pue == null || told.pue === 1) return null
  const joules = (theirs_j as number) * (1 - 1 / told.pue)
  return exactly('pue', joules, `Its joules hold a PUE of ${told.pue}.`)
}

const exactly = (reason: BesideReason, joules: number, words: string): BesideWhy => ({
  ...{ reason, low_j: joules, high_j: joules, words },
})

const chosenOf = (part: DeviceEnergy): EnergyEstimate | null =>
  part.chosen?.energy_j == null ? null : part.chosen

function calibration({ parts }: ScopedEnergy): BesideWhy | null {
  const used = parts.filter((p) => chosenOf(p)?.origin.calibration != null)
  if (used.length === 0) return null
  const joules = sum(
    used.map((p) => asRead(chosenOf(p) as EnergyEstimate, p.seconds) - (p.energy_j as number)),
  )
  return exactly('calibration', joules, 'Ours is corrected by a calibration of the sensor.')
}

/** Where the device has a counter too, what that gives over our own window in the place of our source. */
function source({ parts }: ScopedEnergy): BesideWhy[] {
  const both = parts.flatMap((p) => {
    const chosen = chosenOf(p)
    const counter = p.estimates.find(
      (e) => e.method === 'counter' && e.energy_j !== null && e.scope === p.scope,
    )
    if (chosen === null || counter === undefined || chosen.method === 'counter') return []
    const joules = asRead(counter, p.seconds) - asRead(chosen, p.seconds)
    return [{ joules, chosen, counter, doubt: COVERAGE * repeatable(counter.components) }]
  })
  const [first] = both
  if (first === undefined) return []
  const joules = sum(both.map((b) => b.joules))
  const doubt = Math.hypot(...both.map((b) => b.doubt))
  return [
    {
      reason: 'source',
      low_j: joules - doubt,
      high_j: joules + doubt,
      words: `It reads an energy counter; ours is by ${first.chosen.source}, and the counter (${first.counter.source}) tells ${signed(joules)} J over our own window.`,
    },
  ]
}

const signed = (joules: number): string =>
  `${joules < 0 ? '−' : '+'}${Math.abs(joules).toPrecision(3)}`

/** What a counter shows is as old as its last step: that much of the power before each edge is too much or missing. */
function counterRefresh(
  { told, window, within, refresh_s }: Comparison,
  ours: ScopedEnergy,
): BesideWhy {
  const power_w = (ours.energy_j as number) / windowSeconds(window)
  const before = (end_ns: number): number =>
    Math.max(
      0,
      within({ start_ns: end_ns - refresh_s * NS_PER_S, end_ns, rule: 'beside' }).energy_j ??
        power_w * refresh_s,
    )
  return {
    reason: 'counter_refresh',
    low_j: -before(told.end_t_ns?.[1] ?? window.end_ns),
    high_j: before(told.begin_t_ns?.[1] ?? window.start_ns),
    words: `Its counter moves every ${refresh_s * 1000} ms: up to that much of the power before either edge is too much or missing.`,
  }
}

function lastReading({ told, window }: Comparison, ours: ScopedEnergy): BesideWhy[] {
  if (told.tool !== 'codecarbon') return []
  const power_w = (ours.energy_j as number) / windowSeconds(window)
  return [
    {
      reason: 'last_reading',
      low_j: -power_w * SKIPPED_S,
      high_j: 0,
      words: `It leaves out its last reading where the one before is younger than ${SKIPPED_S * 1000} ms.`,
    },
  ]
}

function repeatability(ours: ScopedEnergy): BesideWhy[] {
  const doubt = COVERAGE * repeatable(ours.components)
  if (doubt === 0) return []
  const words =
    'Ours has a range of its own; what the sensor is wrong by is in both, since both read the same one.'
  return [{ reason: 'repeatability', low_j: -doubt, high_j: doubt, words }]
}
