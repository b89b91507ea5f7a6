import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../../analysis/choosing/candidate.ts'
import { type RecommendRequest, recommend } from '../../../analysis/choosing/recommend.ts'
import { recommendationSchema } from '../../../analysis/schema/choosing.ts'
import { candidate, number } from './candidate-of.ts'

const deadline = (limit: number) => ({ metric: 'itl_ms_p50', bound: 'max', limit }) as const
const ask = (candidates: readonly Candidate[], more: Partial<RecommendRequest> = {}) =>
  recommend(candidates, {
    minimize: 'energy_per_output_token_j',
    latency: 'itl_ms_p50',
    bounds: [deadline(50)],
    baseline: 'fastest_feasible',
    current: null,
    no_current: null,
    group_by: [],
    hardware: null,
    pricing: null,
    quality_dataset: null,
    resamples: 400,
    seed: 1,
    ...more,
  })

describe('a recommendation', () => {
  // 2.0 J at 30 ms, 1.5 J at 45 ms, deadline 50 ms: the second, saving 25 %, slack 5 ms, slowdown 1.5.
  const two = [candidate('first', 2, 30), candidate('second', 1.5, 45)]

  it('takes the least energy within the deadline and says what that saves', () => {
    const answer = ask(two)
    expect(recommendationSchema.parse(answer)).toEqual(answer)
    expect(answer).toMatchObject({
      recommended: { id: 'second', value: 1.5, latency: 45 },
      baseline: { id: 'first', value: 2 },
      saving_pct: { value: 25, low: null, high: null },
      latency_slack: 5,
      slowdown: 1.5,
      deadline_penalty_pct: 0,
      within_noise: null,
      candidates: 2,
      feasible: 2,
    })
    expect(answer.reason).toBe(
      'batch second takes 25 % less energy per output token than batch first, the fastest within the bounds: 1.5 J/token at 45 ms inter-token latency p50, 5 ms within the limit, against 2 J/token; the least of 2 with inter-token latency p50 at most 50 ms.',
    )
  })

  it('keeps bounds inclusive, and tells what the deadline costs', () => {
    const three = [...two, candidate('third', 1, 50.1)]
    expect(ask(three, { bounds: [deadline(45)] }).recommended?.id).toBe('second')
    // Without the deadline 1.0 J: (1.5 - 1) / 1.
    expect(ask(three).deadline_penalty_pct).toBeCloseTo(50, 9)
    expect(ask(three, { bounds: [deadline(50.1)] }).recommended?.id).toBe('third')
  })

  it('keeps bounds on quality and throughput too; they are no deadline', () => {
    const quality = (value: number | null) => ({
      metrics: { good_fraction: number('good_fraction', value) },
    })
    const rows = [
      candidate('first', 2, 30, quality(0.99)),
      candidate('second', 1.5, 45, quality(0.9)),
      candidate('third', 1, 40, quality(null)),
    ]
    const good = { metric: 'good_fraction', bound: 'min', limit: 0.95 } as const
    expect(ask(rows, { bounds: [deadline(50), good] })).toMatchObject({
      recommended: { id: 'first' },
      deadline_penalty_pct: 0,
      feasible: 1,
    })
  })

  it('breaks ties by the range, then latency, devices and id', () => {
    const tie = (rows: Candidate[]) => ask(rows).recommended?.id
    expect(tie([candidate('a', 1, 20, { half: 0.2 }), candidate('b', 1, 40, { half: 0.1 })])).toBe(
      'b',
    )
    expect(tie([candidate('a', 1, 40), candidate('b', 1, 20)])).toBe('b')
    expect(tie([candidate('a', 1, 20, { num_gpus: 2 }), candidate('b', 1, 20)])).toBe('b')
    expect(tie([candidate('b', 1, 20), candidate('a', 1, 20)])).toBe('a')
  })

  it.each([
    ['as small as can be', Number.MIN_VALUE, null],
    ['as large as can be', -Number.MAX_VALUE, 100],
  ])('where none is feasible under a bound %s tells the nearest all the same', (_, limit, pct) => {
    // Both break it by the same share, so the cheaper one.
    const answer = ask(two, { bounds: [deadline(limit)] })
    expect(recommendationSchema.parse(JSON.parse(JSON.stringify(answer)))).toMatchObject({
      nearest: { id: 'second', excess_pct: pct },
    })
  })

  it('where none is feasible is null, with the nearest and its excess', () => {
    const answer = ask(two, { bounds: [deadline(20)] })
    expect(answer).toMatchObject({
      recommended: null,
      baseline: null,
      saving_pct: null,
      nearest: { id: 'first', excess: { itl_ms_p50: 10 }, excess_pct: 50 },
      feasible: 0,
    })
    expect(answer.reason).toBe(
      'None of 2 configurations has inter-token latency p50 at most 20 ms; the nearest, batch first, has 30 ms inter-token latency p50, 10 ms too much.',
    )
  })

  it('of a baseline that takes nothing tells no share, and names it all the same', () => {
    const rows = [candidate('paid', -1, 40), candidate('free', 0, 30)]
    const answer = ask(rows)
    expect(answer).toMatchObject({ baseline: { id: 'free', value: 0 }, saving_pct: null })
    expect(answer.reason).toBe(
      'batch paid takes -1 J/token at 40 ms inter-token latency p50, 10 ms within the limit: the least of 2 with inter-token latency p50 at most 50 ms; batch free, the fastest within the bounds, takes 0 J/token, of which there is no share to save.',
    )
    expect(ask(rows.slice(1)).reason).toMatch(/it is itself the fastest .* nothing to save\.$/)
  })

  it('where some were not measured for a bound says so', () => {
    const bounds = [{ metric: 'ttft_ms_p95', bound: 'max', limit: 100 } as const]
    const slow = candidate('slow', 1, 20, {
      metrics: { ttft_ms_p95: number('ttft_ms_p95', 150) },
    })
    expect(ask([...two, slow], { bounds }).reason).toBe(
      'None of 3 configurations has time to first token p95 at most 100 ms; the nearest, m, vllm, H100, has 150 ms time to first token p95, 50 ms too much; 2 of them were not measured for it.',
    )
    // What is of other work could not be chosen, measured or not.
    const other = candidate('other', 1, 20, { work: 'task math' })
    expect(ask([slow, other], { bounds }).reason).toBe(
      'The only configuration does not have time to first token p95 at most 100 ms; the nearest, m, vllm, H100, has 150 ms time to first token p95, 50 ms too much.',
    )
    const none = ask(two, { bounds })
    expect(none).toMatchObject({ recommended: null, nearest: null, candidates: 0 })
    expect(none.reason).toBe(
      'No configuration that the filters let through can be ranked: left out are 2 without time to first token p95 (the run holds no reading of it).',
    )
  })

  it('counts and names what has no score, and says on what the others have theirs', () => {
    const rated = (score: number | null) => ({
      metrics: { quality_score: number('quality_score', score) },
    })
    const rows = [
      candidate('good', 2, 30, rated(0.75)),
      candidate('poor', 1, 45, rated(0.6)),
      candidate('unknown', 0.5, 40, rated(null)),
    ]
    const bounds = [{ metric: 'quality_score', bound: 'min', limit: 0.7 } as const]
    const answer = ask(rows, { bounds, quality_dataset: 'mmlu' })
    expect(recommendationSchema.parse(answer)).toEqual(answer)
    expect(answer).toMatchObject({
      recommended: { id: 'good', values: { quality_score: { value: 0.75, unit: '1' } } },
      quality_dataset: 'mmlu',
      candidates: 2,
      feasible: 1,
      excluded: [
        { id: 'unknown', reason: 'no_value', metric: 'quality_score', why: 'not_recorded' },
      ],
    })
    expect(answer.reason).toBe(
      'batch good takes 2 J/token at 30 ms inter-token latency p50: the only configuration with quality score on mmlu at least 0.7; it is itself the fastest within the bounds, so there is nothing to save.',
    )
    const strict = [{ metric: 'quality_score', bound: 'min', limit: 0.8 } as const]
    expect(ask(rows, { bounds: strict, quality_dataset: 'mmlu' }).reason).toBe(
      'None of 3 configurations has quality score on mmlu at least 0.8; the nearest, batch good, has 0.75 quality score on mmlu, 0.05 too little; 1 of them was not measured for it.',
    )
  })

  it('where nothing may be ranked says what was left out and how to have it in', () => {
    const out = {
      id: 'r',
      reason: 'caution',
      codes: ['clock_drift'],
      metric: null,
      why: null,
    } as const
    const answer = recommend([], { ...request(), current: null }, [out])
    expect(answer.recommended).toBeNull()
    expect(answer.reason).toBe(
      'No configuration that the filters let through can be ranked: left out are 1 with cautions (cautions=include ranks them).',
    )
    expect(answer.excluded).toEqual([out])
  })

  it('never ranks unlike work together, but answers for each', () => {
    const answer = ask([...two, candidate('x', 0.1, 5, { work: 'task gpqa', task: 'gpqa' })])
    expect(answer.recommended).toBeNull()
    expect(answer.reason).toMatch(
      /2 kinds that can't be compared .*: task chat, energy of the GPUs; task gpqa, energy of the GPUs\. Filter for one of them, as by task=chat, or/,
    )
    expect(answer.groups.map((g) => [g.group?.['work'], g.recommended?.id])).toEqual([
      ['task gpqa', 'x'],
      ['task chat', 'second'],
    ])
  })

  it('answers for each group that is asked for, the best first, and for the whole', () => {
    const rows = [...two, candidate('third', 1, 20, { model: 'n' })]
    const answer = ask(rows, { group_by: ['model'] })
    expect(answer.recommended?.id).toBe('third')
    expect(answer.reason).toContain('of 2 models whose answers are not alike')
    expect(answer.groups.map((g) => [g.group?.['model'], g.recommended?.id])).toEqual([
      ['n', 'third'],
      ['m', 'second'],
    ])
  })

  it('tells the best of each GPU model within the same bounds', () => {
    const rows = [...two, candidate('third', 3, 20, { gpu_model: 'A100' })]
    expect(ask(rows).by_gpu_model).toEqual([
      { gpu_model: 'A100', id: 'third', value: 3, latency: 20, saving_pct: 50 },
      { gpu_model: 'H100', id: 'second', value: 1.5, latency: 45, saving_pct: 0 },
    ])
  })
})

function request(): RecommendRequest {
  return {
    minimize: 'energy_per_output_token_j',
    latency: 'itl_ms_p50',
    bounds: [deadline(50)],
    baseline: 'fastest_feasible',
    current: null,
    no_current: null,
    group_by: [],
    hardware: null,
    pricing: null,
    quality_dataset: null,
    resamples: 200,
    seed: 1,
  }
}

describe('a baseline', () => {
  const rows = [
    candidate('quick', 3, 10, { num_gpus: 8 }),
    candidate('first', 2, 30),
    candidate('second', 1.5, 45),
    candidate('worst', 4, 49),
    candidate('slow', 0.5, 100),
  ]

  it('is the fastest, the fastest on the same hardware, or the worst within the bounds', () => {
    expect(ask(rows)).toMatchObject({ baseline: { id: 'quick' }, saving_pct: { value: 50 } })
    expect(ask(rows, { baseline: 'fastest_same_hardware' })).toMatchObject({
      baseline: { id: 'first' },
      saving_pct: { value: 25 },
    })
    expect(ask(rows, { baseline: 'worst_feasible' })).toMatchObject({
      baseline: { id: 'worst' },
      saving_pct: { value: 62.5 },
    })
  })

  it('is what runs now, feasible or not, among the candidates or not', () => {
    const current = candidate('now', 6, 200)
    const answer = ask(rows, { baseline: 'current', current })
    expect(answer).toMatchObject({
      recommended: { id: 'second' },
      baseline: { id: 'now' },
      saving_pct: { value: 75 },
      candidates: 5,
    })
    expect(answer.reason).toContain('than batch now, 1 GPU, what runs now')
    // What runs now may take less than anything feasible: the saving is negative.
    const slow = rows.find((c) => c.id === 'slow') as Candidate
    const more = ask(rows, { baseline: 'current', current: slow })
    expect(more.saving_pct?.value).toBe(-200)
    expect(more.reason).toContain('takes 200 % more energy per output token than batch slow')
  })

  it('that does other work is none', () => {
    const current = candidate('now', 6, 200, { work: 'task gpqa' })
    const answer = ask(rows, { baseline: 'current', current })
    expect(answer).toMatchObject({
      recommended: { id: 'second' },
      baseline: null,
      saving_pct: null,
    })
    expect(answer.reason).toContain(
      'what runs now is not of the same kind: task gpqa, energy of the GPUs.',
    )
    const blank = ask(rows, { baseline: 'current', current: candidate('now', null, 200) })
    expect(blank.reason).toContain('what runs now has no energy per output token.')
    const invalid = ask(rows, { baseline: 'current', no_current: 'run x is invalid' })
    expect(invalid).toMatchObject({ recommended: { id: 'second' }, saving_pct: null })
    expect(invalid.reason).toContain('; run x is invalid.')
  })

  it('that is the recommended itself leaves nothing to save', () => {
    const answer = ask([candidate('a', 1, 10, { half: 0.1 })])
    expect(answer.saving_pct).toEqual({ value: 0, low: 0, high: 0 })
    expect(answer.reason).toContain('nothing to save')
  })
})

describe('how sure a saving is', () => {
  it('of two far apart is as wide as their errors', () => {
    // 2.0 and 1.5, each with a repeatable sd of 0.02: ratio 0.75, relative sd of each 0.01 and 0.0133, of the ratio
    // 0.0125, so 25 ± 2.45 %.
    const answer = ask(
      [candidate('first', 2, 30, { half: 0.04 }), candidate('second', 1.5, 45, { half: 0.04 })],
      { resamples: 2000 },
    )
    const { low, high } = answer.saving_pct as { low: number; high: number }
    expect(low).toBeCloseTo(25 - 2.45, 0)
    expect(high).toBeCloseTo(25 + 2.45, 0)
    expect(answer).toMatchObject({
      within_noise: false,
      equivalent: [],
      chosen_share: 1,
      feasible_share: 1,
    })
  })

  it("is not widened by a gain that both runs' device has", () => {
    const at = (device: string) =>
      ask([
        candidate('first', 2, 30, { half: 0.4, repeat_half: 0 }),
        candidate('second', 1.5, 45, { half: 0.3, repeat_half: 0, devices: [device] }),
      ]).saving_pct as { low: number; high: number }
    expect(at('GPU-1').high - at('GPU-1').low).toBeLessThan(1e-9)
    expect(at('GPU-2').high - at('GPU-2').low).toBeGreaterThan(20)
  })

  it('of a winner by luck holds zero, and its equals are named', () => {
    const rows = Array.from({ length: 8 }, (_, i) =>
      candidate(`c${i}`, 1 + i / 1000, 40 - i, { half: 0.1 }),
    )
    const answer = ask(rows)
    expect(answer.recommended?.id).toBe('c0')
    expect(answer.within_noise).toBe(true)
    expect(answer.reason).toContain('within noise')
    expect(answer.equivalent).toEqual(rows.slice(1).map((c) => c.id))
    expect(answer.chosen_share as number).toBeLessThan(0.4)
  })

  it('covers what the chosen one saves in truth, luck included', () => {
    // Ten configurations that truly take 1.00 J, the fastest too; measured with an sd of 0.05. The least of them looks
    // as if it saved 7 %; in truth it saves nothing. A range that takes both as measured holds 0 in 85 % of 1,500 studies,
    // this one in 92 %: where all are truly alike, resamples around what was measured see a part of the luck only.
    const truth = 1
    let held = 0
    const studies = 120
    for (let s = 0; s < studies; s++) {
      const noise = noiseOf(s)
      const rows = Array.from({ length: 10 }, (_, i) =>
        candidate(`c${i}`, truth + 0.05 * noise(), 20 + i, { half: 0.1 }),
      )
      const answer = ask(rows, { resamples: 200 })
      const { low, high } = answer.saving_pct as { low: number; high: number }
      if (low <= 0 && high >= 0) held++
    }
    expect(held / studies).toBeGreaterThan(0.87)
  })

  it('tells how often it would be too slow', () => {
    // 49.9 ± 1 ms against 50: a standard deviation of 0.5, so feasible in P(z < 0.2) = 0.58.
    const answer = ask([
      candidate('near', 1, 49.9, { itl_half: 1, half: 0.01 }),
      candidate('far', 2, 20, { itl_half: 1, half: 0.01 }),
    ])
    expect(Math.abs((answer.feasible_share as number) - 0.58)).toBeLessThan(0.1)
    expect(answer.chosen_share).toBe(answer.feasible_share)
  })
})

/** Sums of twelve even numbers, for noise that does not come from the code under test. */
function noiseOf(seed: number): () => number {
  let state = seed * 2_654_435_761 + 12_345
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  return () => Array.from({ length: 12 }, next).reduce((a, b) => a + b, 0) - 6
}

describe('laws of recommendations', () => {
  const anyRows = fc
    .array(
      fc.record({
        joules: fc.integer({ min: 1, max: 9 }),
        ms: fc.integer({ min: 1, max: 9 }),
        half: fc.constantFrom(0, 0.5),
      }),
      { maxLength: 10 },
    )
    .map((list) => list.map((r, i) => candidate(`id${i}`, r.joules, r.ms, { half: r.half })))

  it('a later deadline never raises the optimum', () => {
    fc.assert(
      fc.property(
        anyRows,
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 5 }),
        (rows, limit, more) => {
          const at = (l: number) =>
            ask(rows, { bounds: [deadline(l)], resamples: 2 }).recommended?.value ??
            Number.POSITIVE_INFINITY
          expect(at(limit + more)).toBeLessThanOrEqual(at(limit))
        },
      ),
    )
  })

  it('a tighter bound on quality or memory never gives a cheaper choice, and never one that breaks it', () => {
    const maybe = fc.option(fc.integer({ min: 0, max: 9 }), { nil: null })
    const rows = fc
      .array(fc.record({ joules: fc.integer({ min: 1, max: 9 }), score: maybe, mib: maybe }), {
        maxLength: 10,
      })
      .map((list) =>
        list.map(({ joules, score, mib }, i) => {
          const metrics = {
            quality_score: number('quality_score', score),
            gpu_memory_peak_mib: number('gpu_memory_peak_mib', mib),
          }
          return candidate(`id${i}`, joules, 10, { metrics })
        }),
      )
    const limit = fc.integer({ min: 0, max: 9 })
    const step = fc.integer({ min: 0, max: 4 })
    fc.assert(
      fc.property(rows, limit, limit, step, step, (found, score, mib, more, less) => {
        const at = (least: number, most: number) =>
          ask(found, {
            bounds: [
              { metric: 'quality_score', bound: 'min', limit: least },
              { metric: 'gpu_memory_peak_mib', bound: 'max', limit: most },
            ],
            quality_dataset: 'mmlu',
            resamples: 2,
          })
        const loose = at(score, mib).recommended
        const tight = at(score + more, mib - less).recommended
        if (tight !== null) {
          expect(loose?.value).toBeLessThanOrEqual(tight.value)
          expect(tight.values['quality_score']?.value).toBeGreaterThanOrEqual(score + more)
          expect(tight.values['gpu_memory_peak_mib']?.value).toBeLessThanOrEqual(mib - less)
        }
      }),
    )
  })

  it('the order of candidates changes nothing; a range holds its value', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const answer = ask(rows, { bounds: [deadline(6)], resamples: 30 })
        expect(ask([...rows].reverse(), { bounds: [deadline(6)], resamples: 30 })).toEqual(answer)
        const { value = 0, low = null, high = null } = answer.saving_pct ?? {}
        if (low !== null && high !== null) expect(low <= value && value <= high).toBe(true)
      }),
    )
  })
})
