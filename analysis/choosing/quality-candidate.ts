import { overCycles } from '../comparing/aggregate.ts'
import type { Ratings } from '../schema/quality.ts'
import type { Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import type { Unit } from '../schema/units.ts'
import { mean } from '../stats/moments.ts'
import type { Candidate, CandidateMetric } from './candidate.ts'

/** A run's score on the dataset in question, and what the run's compute energy was; null: that is not known at all. */
export interface ScoredRun {
  readonly value: number
  readonly low: number | null
  readonly high: number | null
  readonly energy: MetricValue | null
}

/**
 * A candidate with the scores of its runs: their mean, and what of it a joule of the scored runs gives. What a score errs
 * by, the choice of the dataset's questions, is common to the runs of an experiment, so that more runs do not narrow it.
 * @param scored the scores of those of its runs that have one, all on one dataset
 * Source: docs/metrics.md, "Quality against energy".
 */
export function scoredCandidate(candidate: Candidate, scored: readonly ScoredRun[]): Candidate {
  return withMetrics(candidate, {
    quality_score: scoreOf(scored),
    quality_per_joule: perJoule(scored),
  })
}

/**
 * A candidate with the rating of its model, or where single runs are rated the mean of its runs' ratings, whose ranges
 * are taken as common to them.
 * Source: docs/metrics.md, "Quality against energy".
 */
export function ratedCandidate(candidate: Candidate, { by, entrants }: Ratings): Candidate {
  const names = by === 'model' ? [candidate.model] : candidate.member_ids
  const ratings = entrants.filter((e) => names.includes(e.entrant)).map((e) => e.rating)
  const known = ratings.filter((r) => r.value !== null)
  const over = (end: 'value' | 'low' | 'high') => meanOrNull(known.map((r) => r[end]))
  const rating: CandidateMetric =
    known.length === 0
      ? nothing('1', ratings[0]?.reason ?? 'not_recorded')
      : alone('1', over('value'), over('low'), over('high'))
  return withMetrics(candidate, { quality_rating: rating })
}

const withMetrics = (
  candidate: Candidate,
  metrics: Readonly<Record<string, CandidateMetric>>,
): Candidate => ({ ...candidate, metrics: { ...candidate.metrics, ...metrics } })

function scoreOf(scored: readonly ScoredRun[]): CandidateMetric {
  // Without what is common to them the runs tell how far a repetition would scatter.
  const { mean: value, low, high } = overCycles(scored.map((s) => exactly('1', s.value)))
  if (value === null) return nothing('1', 'not_recorded')
  const [only] = scored
  if (scored.length === 1 && only) return alone('1', value, only.low, only.high)
  const half = halfOf(scored)
  return alone('1', value, lower(value, low, half), higher(value, high, half))
}

function perJoule(scored: readonly ScoredRun[]): CandidateMetric {
  const each = scored.map((s) => ({ ...s, ratio: ratioOf(s) }))
  const known = each.filter(({ ratio }) => ratio.value !== null)
  const [only] = known
  if (only === undefined) return nothing('1/J', each[0]?.ratio.reason ?? 'not_recorded')
  const scopes = new Set(known.flatMap(({ ratio }) => ratio.scope ?? []))
  const scope = [...scopes].sort().join(', ') || null
  const over = overCycles(known.map(({ ratio }) => ratio))
  const found = known.length === 1 ? only.ratio : { ...over, value: over.mean }
  const value = found.value as number
  // How the scores scatter is in the quotients; what all of them may be wrong by is not, and where no range is known it
  // counts as none, as elsewhere in quotients.
  const off = (end: 'low' | 'high') =>
    mean(
      known.flatMap((s) => {
        const [score, joules] = [s[end], s.energy?.value ?? null]
        return score === null || joules === null ? [] : Math.abs(score - s.value) / joules
      }),
    ) ?? 0
  const [down, up] = [off('low'), off('high')]
  return {
    value,
    unit: '1/J',
    low: lower(value, found.low, down),
    high: higher(value, found.high, up),
    repeat_low: lower(value, found.repeat_low, down),
    repeat_high: higher(value, found.repeat_high, up),
    reason: null,
    scope,
  }
}

/** Score over energy of one run, as uncertain as its energy; less energy is more of it. */
function ratioOf({ value, energy }: ScoredRun): MetricValue {
  const none = (reason: Reason) => ({ ...exactly('1/J', 0), value: null, reason, ...NO_RANGE })
  if (energy === null || energy.value === null) return none(energy?.reason ?? 'not_recorded')
  if (energy.value <= 0) return none('zero_denominator')
  const per = (joules: number | null) => (joules === null || joules <= 0 ? null : value / joules)
  return {
    ...exactly('1/J', value / energy.value),
    low: per(energy.high),
    high: per(energy.low),
    repeat_low: per(energy.repeat_high),
    repeat_high: per(energy.repeat_low),
    scope: energy.scope,
  }
}

const NO_RANGE = { low: null, high: null, repeat_low: null, repeat_high: null } as const

/** A value of which nothing is uncertain. */
const exactly = (unit: Unit, value: number): MetricValue => ({
  value,
  unit,
  ...{ low: value, high: value, repeat_low: value, repeat_high: value },
  n: 1,
  reason: null,
  provenance: null,
})

/** A value with its whole range; nothing of it is told to be common to the runs on a device. */
const alone = (
  unit: Unit,
  value: number | null,
  low: number | null,
  high: number | null,
): CandidateMetric => ({ ...NO_RANGE, value, unit, low, high, reason: null })

const nothing = (unit: Unit, reason: Reason): CandidateMetric => ({
  ...NO_RANGE,
  value: null,
  unit,
  reason,
})

/** The ends of a range that `by` is added to in quadrature; null where there is none. */
const lower = (value: number, low: number | null, by: number): number | null =>
  low === null ? null : value - Math.hypot(value - low, by)
const higher = (value: number, high: number | null, by: number): number | null =>
  high === null ? null : value + Math.hypot(high - value, by)

/** Mean half-range of the scores that tell one. */
const halfOf = (scored: readonly ScoredRun[]): number =>
  mean(scored.flatMap((s) => (s.low === null || s.high === null ? [] : (s.high - s.low) / 2))) ?? 0

const meanOrNull = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((v) => v !== null)
  return known.length < values.length ? null : mean(known)
}
