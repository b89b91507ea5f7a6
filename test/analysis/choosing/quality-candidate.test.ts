import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../../analysis/choosing/candidate.ts'
import {
  ratedCandidate,
  type ScoredRun,
  scoredCandidate,
} from '../../../analysis/choosing/quality-candidate.ts'
import type { Rated, Ratings } from '../../../analysis/schema/quality.ts'
import type { MetricValue } from '../../../analysis/schema/summary.ts'
import { metric } from '../summary-of.ts'
import { candidate } from './candidate-of.ts'

const joules = (value: number | null, half = 0, repeat_half = half): MetricValue => ({
  ...metric(value, half, repeat_half, 'J'),
  scope: 'gpu',
})
const run = (
  value: number,
  half: number | null = null,
  energy: MetricValue | null = joules(1000),
): ScoredRun => ({
  value,
  low: half === null ? null : value - half,
  high: half === null ? null : value + half,
  energy,
})
const scored = (...runs: ScoredRun[]) => {
  const { quality_score, quality_per_joule } = scoredCandidate(candidate('c', 2, 30), runs).metrics
  return { score: quality_score, per_joule: quality_per_joule }
}

describe('the quality score of a candidate', () => {
  it('of one run is that run’s, with its own range', () => {
    expect(scored(run(0.71, 0.01)).score).toMatchObject({ value: 0.71, unit: '1', reason: null })
    expect(scored(run(0.71, 0.01)).score?.low).toBeCloseTo(0.7, 12)
    expect(scored(run(0.71)).score).toMatchObject({ value: 0.71, low: null, high: null })
  })

  it('of several is their mean, no surer than the questions of the dataset allow', () => {
    // 0.70, 0.72, 0.74: mean 0.72, sample sd 0.02; t(0.975, 2) = 4.302653; half 4.302653 × 0.02 / √3 = 0.0496828
    const apart = scored(run(0.7), run(0.72), run(0.74)).score
    expect(apart?.value).toBeCloseTo(0.72, 12)
    expect((apart?.high as number) - 0.72).toBeCloseTo(0.0496828, 6)
    // The same score three times scatters by nothing, and is as unsure as each: ± 0.01
    const same = scored(run(0.72, 0.01), run(0.72, 0.01), run(0.72, 0.01)).score
    expect(same?.low).toBeCloseTo(0.71, 12)
    expect(same?.high).toBeCloseTo(0.73, 12)
    // Both: √(0.0496828² + 0.01²) = 0.0506792
    const both = scored(run(0.7, 0.01), run(0.72, 0.01), run(0.74, 0.01)).score
    expect(0.72 - (both?.low as number)).toBeCloseTo(0.0506792, 6)
  })

  it('does not depend on the order of the runs, and is not recorded without one', () => {
    const runs = [run(0.7, 0.01), run(0.74, 0.03), run(0.72)]
    expect(scored(...runs).score?.value).toBeCloseTo(
      scored(...runs.reverse()).score?.value as number,
      12,
    )
    const none = scored()
    expect(none.score).toMatchObject({ value: null, reason: 'not_recorded', low: null })
    expect(none.per_joule).toMatchObject({ value: null, reason: 'not_recorded', unit: '1/J' })
  })
})

describe('quality per joule', () => {
  it('is the score over the energy of the scored run, as uncertain as both', () => {
    // 0.8 / 2000 J; score ± 5 %, energy ± 10 % (1800 to 2200 J), of which ± 2 % repeats
    const { per_joule } = scored(run(0.8, 0.04, joules(2000, 200, 40)))
    expect(per_joule).toMatchObject({ value: 0.0004, unit: '1/J', scope: 'gpu', reason: null })
    // low: 0.8 / 2200 = 0.000363636, 0.0000363636 below; with 5 % of the value, 0.00002, in quadrature 0.0000415
    expect(per_joule?.low).toBeCloseTo(0.0004 - Math.hypot(0.0000363636, 0.00002), 9)
    // high: 0.8 / 1800 = 0.000444444
    expect(per_joule?.high).toBeCloseTo(0.0004 + Math.hypot(0.0000444444, 0.00002), 9)
    expect(per_joule?.repeat_high).toBeCloseTo(0.0004 + Math.hypot(0.8 / 1960 - 0.0004, 0.00002), 9)
  })

  it('takes each run’s own energy, and of several the mean of the quotients', () => {
    const { per_joule } = scored(run(0.8, null, joules(1000)), run(0.6, null, joules(2000)))
    expect(per_joule?.value).toBeCloseTo((0.0008 + 0.0003) / 2, 12)
    const one = scored(run(0.8, null, joules(1000)), run(0.6, null, joules(null)))
    expect(one.per_joule?.value).toBe(0.0008)
  })

  it('has the range of the runs that it is of, in which each doubt counts once', () => {
    // 0.8 ± 0.04 over 2000 ± 200 J, as above: that a run of unknown joules scored otherwise makes it no less sure
    const alone = scored(run(0.8, 0.04, joules(2000, 200)))
    const beside = scored(run(0.8, 0.04, joules(2000, 200)), run(0.6, 0.04, joules(null)))
    expect(beside.per_joule).toEqual(alone.per_joule)
    // 0.70, 0.72 and 0.74 ± 0.01 over exactly 1000 J each: quotients scatter as the scores do, ± 0.0000496828 (above),
    // and all may be wrong by 0.01 / 1000 J: √(0.0496828² + 0.01²) / 1000
    const { per_joule } = scored(run(0.7, 0.01), run(0.72, 0.01), run(0.74, 0.01))
    expect((per_joule?.high as number) - 0.00072).toBeCloseTo(0.0000506792, 9)
    expect(0.00072 - (per_joule?.repeat_low as number)).toBeCloseTo(0.0000506792, 9)
  })

  it('of a score of 0 is 0, and is null where the energy is, or is none', () => {
    expect(scored(run(0, 0)).per_joule).toMatchObject({ value: 0, low: 0, high: 0 })
    // A score of 0 that may be 0.1 is up to 0.1 / 1000 J, not exactly nothing
    const unsure = scored({ value: 0, low: 0, high: 0.1, energy: joules(1000) }).per_joule
    expect(unsure).toMatchObject({ value: 0, low: 0 })
    expect(unsure?.high).toBeCloseTo(0.0001, 12)
    expect(scored(run(0.5, null, null)).per_joule).toMatchObject({ reason: 'not_recorded' })
    expect(scored(run(0.5, null, joules(0))).per_joule).toMatchObject({
      value: null,
      reason: 'zero_denominator',
    })
    const missing = { ...joules(null), reason: 'remote_engine' as const }
    expect(scored(run(0.5, null, missing)).per_joule).toMatchObject({ reason: 'remote_engine' })
  })
})

describe('the quality rating of a candidate', () => {
  const rated = (entrant: string, value: number | null): Rated => ({
    entrant,
    rating: {
      value,
      low: value === null ? null : value - 0.5,
      high: value === null ? null : value + 0.5,
      n: 10,
      reason: value === null ? 'unconnected' : null,
    },
    win_pct: null,
    ...{ votes: 10, wins: 5, losses: 5, ties: 0, both_bad: 0, worth_it: 0, not_worth_it: 0 },
    energy_per_answer_j: { value: null, low: null, high: null, n: 0, reason: 'not_recorded' },
    frontier: false,
    frontier_share: null,
  })
  const ratings = (by: 'model' | 'run', ...entrants: Rated[]): Ratings => ({
    ...{ by, votes: 10, groups: [], entrants, resamples: 1000 },
  })
  const of = (found: Ratings, more: Partial<Candidate> = {}) =>
    ratedCandidate(candidate('c', 2, 30, more), found).metrics['quality_rating']

  it('is that of its model, with its range', () => {
    const votes = ratings('model', rated('large', 0.8), rated('small', -0.8))
    expect(of(votes, { model: 'small' })).toMatchObject({ value: -0.8, low: -1.3, reason: null })
    expect(of(votes, { model: 'other' })).toMatchObject({ value: null, reason: 'not_recorded' })
    expect(of(votes, { model: null })).toMatchObject({ value: null, reason: 'not_recorded' })
  })

  it('is null where votes do not join the models, for that reason', () => {
    const votes = ratings('model', rated('large', null), rated('small', null))
    expect(of(votes, { model: 'small' })).toMatchObject({ value: null, reason: 'unconnected' })
  })

  it('by run is the mean of those of its runs that were rated', () => {
    const votes = ratings('run', rated('r1', 1), rated('r2', 0.5), rated('x', -1))
    const found = of(votes, { model: 'small', member_ids: ['r1', 'r2', 'r3'] })
    expect(found).toMatchObject({ value: 0.75, low: 0.25, high: 1.25 })
  })
})
