import { describe, expect, it } from 'vitest'
import { compareRuns, compareStudy } from '../../../analysis/comparing/compare.ts'
import { comparisonSchema, studyComparisonSchema } from '../../../analysis/schema/comparison.ts'
import { finding, metric, summaryOf } from '../summary-of.ts'

const ID = 'energy_per_output_token_j'
const load = (concurrency: number) => ({
  name: `c${concurrency}`,
  model: { id: 'm' },
  load: { concurrency, seed: 1 },
})
const energy = (run_id: string, value: number | null, half = 0, repeat_half = half, more = {}) =>
  summaryOf(run_id, { [ID]: metric(value, half, repeat_half) }, { key: run_id, ...more })

describe('two runs', () => {
  it('compare in one sentence, by what sets them apart', () => {
    // 0.57 / 1 with relative half-widths 4 % and 6 %: 57 × hypot(.04, .06) = 4.11
    const a = energy('a', 0.57, 0.3, 0.57 * 0.04)
    const b = energy('b', 1, 0.5, 0.06)
    const c = compareRuns(a, b, [load(4), load(1)])
    expect(c.sentence).toBe(
      'concurrency 4 uses 43 % (39 to 47 %) less energy per output token than concurrency 1 (one run of each: the range excludes run-to-run variation)',
    )
    expect(c.verdict).toBe('a')
    expect(c.differences).toEqual([{ path: 'load.concurrency', a: 4, b: 1 }])
    expect(c.metrics[ID]).toMatchObject({ ratio: 0.57, basis: 'repeatable' })
    expect(c.metrics[ID]?.saving_pct?.low).toBeCloseTo(43 - 4.11, 2)
    expect(comparisonSchema.parse(c)).toEqual(c)
    // The other way round the other side wins, in the same words
    const turned = compareRuns(b, a, [load(1), load(4)])
    expect(turned.verdict).toBe('b')
    expect(turned.sentence).toBe(c.sentence)
  })

  it('on the same devices differ by repeatable ranges, on others by the whole', () => {
    const a = energy('a', 0.9, 0.2, 0.01)
    const b = energy('b', 1, 0.2, 0.01)
    expect(compareRuns(a, b).verdict).toBe('a')
    const elsewhere = energy('b', 1, 0.2, 0.01, { devices: ['GPU-2'] })
    const c = compareRuns(a, elsewhere)
    expect(c.metrics[ID]?.basis).toBe('whole')
    expect(c.verdict).toBe('within_noise')
    expect(c.sentence).toContain('do not differ in energy per output token beyond')
  })

  it('cannot be told apart where a range is unknown', () => {
    const a = summaryOf('a', { [ID]: { ...metric(1), repeat_low: null, repeat_high: null } })
    const c = compareRuns(a, energy('b', 2, 0.1))
    expect(c.verdict).toBeNull()
    expect(c.metrics[ID]).toMatchObject({
      reason: 'n_too_small',
      saving_pct: { value: 50, low: null },
    })
    expect(c.sentence).toContain('uncertainty that is not known')
  })

  it('pass a reason on where a value is null, and say what is invalid', () => {
    const c = compareRuns(energy('a', null), energy('b', 1))
    expect(c.metrics[ID]).toMatchObject({ verdict: null, reason: 'no_output_tokens' })
    expect(c.sentence).toContain("can't be compared by energy per output token")
    const bad = energy('b', 2, 0.1, 0.1, { findings: [finding('thermal_throttle', 'invalid')] })
    expect(compareRuns(energy('a', 1, 0.1), bad).sentence).toContain(
      'unnamed run (2) is not valid: thermal_throttle',
    )
    expect(compareRuns(summaryOf('a', {}), summaryOf('b', {})).sentence).toContain('neither has')
  })

  it('count more as better for rates', () => {
    const rate = (run_id: string, value: number) =>
      summaryOf(run_id, {
        [ID]: metric(1, 0.1),
        output_throughput_tok_s: metric(value, 1, 1, 'token/s'),
        power_mean_w: metric(value, 1, 1, 'W'),
      })
    const c = compareRuns(rate('a', 100), rate('b', 150))
    expect(c.metrics['output_throughput_tok_s']).toMatchObject({ verdict: 'b' })
    // 150 / 100: 50 % more
    expect(c.metrics['output_throughput_tok_s']?.saving_pct?.value).toBeCloseTo(50, 9)
    expect(c.metrics['power_mean_w']).toMatchObject({ verdict: null, difference: -50 })
  })

  it('of measured programs compare by their joules', () => {
    const program = (run_id: string, joules: number) => ({
      ...summaryOf(run_id, { energy_compute_j: metric(joules, 5, 1, 'J') }, { name: run_id }),
      kind: 'measure',
    })
    const c = compareRuns(program('new', 80), program('old', 100))
    expect(c.headline).toBe('energy_compute_j')
    expect(c.verdict).toBe('a')
    expect(c.sentence).toContain('new uses 20 % (19 to 21 %) less compute energy than old')
  })

  it('go by name, then by number, where no configuration tells them apart', () => {
    const named = compareRuns(
      energy('a', 1, 0.1, 0.1, { name: 'old' }),
      energy('b', 2, 0.1, 0.1, { name: 'new' }),
    )
    expect(named.sentence).toContain('old uses')
    expect(compareRuns(energy('a', 1), energy('b', 2)).a.label).toBe('unnamed run (1)')
  })
})

describe('a study', () => {
  const experiments = [1, 4, 16].map((c) => ({ experiment_key: `k${c}`, experiment: load(c) }))
  const runs = (c: number, values: readonly number[], more = {}) =>
    values.map((v, i) =>
      summaryOf(`r${c}-${i}`, { [ID]: metric(v, 0.05) }, { key: `k${c}`, ...more }),
    )

  it('ranks its experiments by energy per output token over their cycles', () => {
    const summaries = [
      ...runs(1, [1, 1.02, 0.98]),
      ...runs(4, [0.5, 0.51, 0.49]),
      ...runs(16, [0.4, 0.41, 0.39]),
    ]
    const s = compareStudy(summaries, experiments)
    expect(s.ranking.map((r) => [r.label, r.rank, r.cycles])).toEqual([
      ['concurrency 16', 1, 3],
      ['concurrency 4', 2, 3],
      ['concurrency 1', 3, 3],
    ])
    expect(s.best).toBe('k16')
    expect(s.comparisons.map((c) => c.verdict)).toEqual(['a', 'a'])
    expect(s.sentence).toMatch(
      /^of 3 configurations, concurrency 16 uses 60 % \(\d+ to \d+ %\) less energy per output token than concurrency 1$/,
    )
    expect(studyComparisonSchema.parse(s)).toEqual(s)
  })

  it('never ranks invalid ones, and marks those with cautions', () => {
    const summaries = [
      ...runs(1, [1], { findings: [finding('short_measurement', 'caution')] }),
      ...runs(4, [0.5]),
      ...runs(16, [0.1], { findings: [finding('thermal_throttle', 'invalid')] }),
    ]
    const s = compareStudy(summaries, experiments)
    expect(s.ranking.map((r) => [r.experiment_key, r.rank, r.valid, r.cautions])).toEqual([
      ['k4', 1, true, []],
      ['k1', 2, true, ['short_measurement']],
      ['k16', null, false, []],
    ])
    expect(s.comparisons).toHaveLength(1)
  })

  it('of one cycle each compares by the ranges of the runs themselves', () => {
    const s = compareStudy([...runs(1, [1]), ...runs(4, [0.57])], experiments)
    expect(s.sentence).toBe(
      'concurrency 4 uses 43 % (37 to 49 %) less energy per output token than concurrency 1 (one run of each: the range excludes run-to-run variation)',
    )
  })

  it('says which are within noise of the best, and what it means to have none', () => {
    const s = compareStudy([...runs(1, [1]), ...runs(4, [0.51]), ...runs(16, [0.5])], experiments)
    expect(s.sentence).toContain('within noise of it: concurrency 4')
    const none = compareStudy(
      runs(1, [1], { findings: [finding('no_window', 'invalid')] }),
      experiments,
    )
    expect(none).toMatchObject({ best: null, comparisons: [] })
    expect(none.sentence).toContain('none of 1 configurations')
    expect(compareStudy(runs(4, [0.5]), experiments).sentence).toContain('0.500 J per output token')
  })
})
