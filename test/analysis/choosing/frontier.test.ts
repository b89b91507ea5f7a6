import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../../analysis/choosing/candidate.ts'
import { type FrontierRequest, frontierOf } from '../../../analysis/choosing/frontier.ts'
import { readObjective } from '../../../analysis/choosing/objective.ts'
import { resampler } from '../../../analysis/choosing/resample.ts'
import { paretoSchema } from '../../../analysis/schema/choosing.ts'
import { candidate, number } from './candidate-of.ts'

const ask = (candidates: readonly Candidate[], more: Partial<FrontierRequest> = {}) =>
  frontierOf(candidates, {
    objectives: [
      { metric: 'itl_ms_p50', direction: 'min' },
      { metric: 'energy_per_output_token_j', direction: 'min' },
    ],
    bounds: [],
    group_by: [],
    rule: 'textbook',
    pricing: null,
    quality_dataset: null,
    resamples: 400,
    seed: 1,
    ...more,
  })
const frontierIds = (candidates: readonly Candidate[], more?: Partial<FrontierRequest>) =>
  ask(candidates, more).groups.flatMap((g) => g.frontier)

describe('an objective as it is written', () => {
  it('has its natural direction, or the one that is said', () => {
    expect(readObjective('itl_ms_p50')).toEqual({ metric: 'itl_ms_p50', direction: 'min' })
    expect(readObjective('output_throughput_tok_s')).toMatchObject({ direction: 'max' })
    expect(readObjective('-itl_ms_p50')).toMatchObject({ direction: 'max' })
    expect(readObjective('min:output_throughput_tok_s')).toMatchObject({ direction: 'min' })
    expect(readObjective('max:power_mean_w')).toEqual({ metric: 'power_mean_w', direction: 'max' })
  })

  it('must be a metric, and say its direction where it has none by nature', () => {
    expect(readObjective('itl_ms')).toContain('must be a metric')
    expect(readObjective('power_mean_w')).toContain('min:power_mean_w or max:power_mean_w')
  })
})

describe('the frontier of candidates', () => {
  const four = [
    candidate('a', 2, 30),
    candidate('b', 1.5, 45),
    candidate('c', 1.6, 50),
    candidate('d', 2.5, 60),
  ]

  it('has points by x, y and id, each told whether it lies on it', () => {
    const answer = ask(four)
    expect(paretoSchema.parse(answer)).toEqual(answer)
    expect(answer.points.map((p) => [p.id, p.x, p.y, p.frontier])).toEqual([
      ['a', 30, 2, true],
      ['b', 45, 1.5, true],
      ['c', 50, 1.6, false],
      ['d', 60, 2.5, false],
    ])
    // Up to the worst on each axis, 60 ms and 2.5 J: 15 × 0.5 + 15 × 1 = 22.5.
    expect(answer.points.map((p) => p.certainty)).toEqual([null, null, null, null])
    expect(answer.groups[0]).toMatchObject({
      frontier: ['a', 'b'],
      certain: [],
      possible: ['a', 'b'],
      hypervolume: { value: 22.5, low: 22.5, high: 22.5, reference: [60, 2.5] },
      knee: null,
    })
  })

  it('names those that lack a number, with the reason', () => {
    const answer = ask([...four, candidate('e', null, 20), candidate('f', 1, null)])
    expect(answer.points).toHaveLength(4)
    expect(answer.excluded).toEqual([
      {
        id: 'e',
        reason: 'no_value',
        codes: [],
        metric: 'energy_per_output_token_j',
        why: 'not_recorded',
      },
      { id: 'f', reason: 'no_value', codes: [], metric: 'itl_ms_p50', why: 'not_recorded' },
    ])
  })

  it('takes more objectives, and either way of each', () => {
    const throughput = (value: number) => ({
      metrics: { output_throughput_tok_s: number('output_throughput_tok_s', value) },
    })
    const three = [
      candidate('a', 2, 30, throughput(100)),
      candidate('b', 1.5, 45, throughput(200)),
      candidate('c', 1.6, 50, throughput(300)),
    ]
    const objectives = [
      { metric: 'itl_ms_p50', direction: 'min' },
      { metric: 'energy_per_output_token_j', direction: 'min' },
      { metric: 'output_throughput_tok_s', direction: 'max' },
    ] as const
    expect(frontierIds(three, { objectives })).toEqual(['a', 'b', 'c'])
    expect(ask(three, { objectives }).points[0]).toMatchObject({ x: 30, y: 2, z: 100 })
    // The other way round c is slower than b, and takes more: it beats b.
    const most = objectives.map((o) => ({ ...o, direction: 'max' as const }))
    expect(frontierIds(three, { objectives: most.slice(0, 2) })).toEqual(['a', 'c'])
  })

  it('holds bounds before it looks, inclusive', () => {
    const within = (limit: number) => ({
      bounds: [{ metric: 'energy_per_output_token_j', bound: 'max', limit } as const],
    })
    expect(frontierIds(four, within(1.6))).toEqual(['b'])
    expect(frontierIds(four, within(1.4))).toEqual([])
    const slow = [{ metric: 'itl_ms_p50', bound: 'min', limit: 50 } as const]
    expect(frontierIds(four, { bounds: slow })).toEqual(['c'])
  })

  it('never compares other work, energies of another scope, or groups that are kept apart', () => {
    const other = candidate('e', 0.1, 1, { work: 'task gpqa', task: 'gpqa' })
    const module = candidate('f', 0.1, 1, {
      metrics: {
        energy_per_output_token_j: {
          ...number('energy_per_output_token_j', 0.1),
          scope: 'module',
        },
      },
    })
    const answer = ask([...four, other, module])
    expect(answer.groups.map((g) => [g.group['work'], g.group['scope'], g.frontier])).toEqual([
      ['task chat', 'gpu', ['a', 'b']],
      ['task chat', 'module', ['f']],
      ['task gpqa', 'gpu', ['e']],
    ])
    const models = four.map((c, i) => ({ ...c, model: i < 2 ? 'm' : 'n' }))
    expect(ask(models, { group_by: ['model'] }).groups.map((g) => g.frontier)).toEqual([
      ['a', 'b'],
      ['c'],
    ])
  })
})

describe('who is on the frontier for certain', () => {
  it('is a point that a repetition could hardly move off; perhaps is what it could move on', () => {
    // c lies 1.6 ± 0.2 behind b 1.5 ± 0.2: sd of the difference 0.141, so ahead in about a quarter. d is 10 sd away.
    const answer = ask([
      candidate('a', 2, 30, { half: 0.2 }),
      candidate('b', 1.5, 45, { half: 0.2 }),
      candidate('c', 1.6, 50, { half: 0.2 }),
      candidate('d', 3.5, 60, { half: 0.2 }),
    ])
    const [a, b, c, d] = answer.points
    expect(a).toMatchObject({ certainty: 'certain', frontier_share: 1 })
    expect(b).toMatchObject({ certainty: 'certain', frontier_share: 1 })
    expect(c?.certainty).toBe('possible')
    // P(z > 0.1 / 0.1414) = 0.24, within four standard errors of 400 resamples.
    expect(Math.abs((c?.frontier_share ?? 0) - 0.24)).toBeLessThan(4 * 0.0214)
    expect(d).toMatchObject({ certainty: 'none', frontier_share: 0 })
  })

  it('is not shaken by an error that all runs on the device have in common', () => {
    const pair = (other: string) => [
      candidate('b', 1.5, 45, { half: 0.5, repeat_half: 0.001 }),
      candidate('c', 1.6, 50, { half: 0.5, repeat_half: 0.001, devices: [other] }),
    ]
    expect(ask(pair('GPU-1')).groups[0]).toMatchObject({ certain: ['b'], possible: ['b'] })
    // On another device the sensor's error is another one: sd of the difference 0.354, ahead in 0.39.
    const apart = ask(pair('GPU-2'))
    expect(apart.groups[0]?.possible).toEqual(['b', 'c'])
    expect(Math.abs((apart.points[1]?.frontier_share ?? 0) - 0.389)).toBeLessThan(0.1)
  })

  it('draws what is shared once a device: overlapping sets of devices overlap in their errors', () => {
    const wide = { half: 1, repeat_half: 0 }
    const rows = [
      candidate('a', 10, 1, { ...wide, devices: ['g1'] }),
      candidate('b', 10, 1, { ...wide, devices: ['g1'] }),
      candidate('c', 10, 1, { ...wide, devices: ['g1', 'g2'] }),
      candidate('d', 10, 1, { ...wide, devices: ['g3'] }),
    ]
    const { draw } = resampler(rows, [{ metric: 'energy_per_output_token_j', direction: 'min' }], 7)
    const drawn = Array.from({ length: 4000 }, () => Array.from(draw()[0] as Float64Array))
    const correlation = (i: number, j: number) => {
      const dev = (k: number) => drawn.map((row) => (row[k] as number) - 10)
      const dot = (u: number[], v: number[]) => u.reduce((s, x, n) => s + x * (v[n] as number), 0)
      const [u, v] = [dev(i), dev(j)]
      return dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v))
    }
    expect(correlation(0, 1)).toBeCloseTo(1, 9)
    expect(Math.abs(correlation(0, 2) - Math.SQRT1_2)).toBeLessThan(0.05)
    expect(Math.abs(correlation(0, 3))).toBeLessThan(0.06)
    // A half-width of 1 is two standard deviations.
    const sd = Math.sqrt(drawn.reduce((s, r) => s + ((r[0] as number) - 10) ** 2, 0) / 4000)
    expect(Math.abs(sd - 0.5)).toBeLessThan(0.03)
  })

  const anyCandidates = fc
    .uniqueArray(fc.integer({ min: 0, max: 99 }), { maxLength: 12 })
    .chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc
            .record({
              joules: fc.integer({ min: 1, max: 8 }),
              ms: fc.integer({ min: 1, max: 8 }),
              half: fc.constantFrom(0, 0.5, 3),
              device: fc.constantFrom('g1', 'g2'),
            })
            .map(({ joules, ms, half, device }) =>
              candidate(`id${id}`, joules, ms, { half, devices: [device] }),
            ),
        ),
      ),
    )

  it('is among those that perhaps are; the order of candidates changes nothing', () => {
    fc.assert(
      fc.property(anyCandidates, fc.constantFrom('textbook', 'mlenergy'), (rows, rule) => {
        const answer = ask(rows, { rule, resamples: 40 })
        for (const g of answer.groups)
          expect(g.certain.every((id) => g.possible.includes(id))).toBe(true)
        expect(ask([...rows].reverse(), { rule, resamples: 40 })).toEqual(answer)
      }),
      { numRuns: 40 },
    )
  })

  it('takes fewer resamples of many points, and says so', () => {
    const many = Array.from({ length: 4000 }, (_, i) =>
      candidate(`c${i}`, 1 + ((i * 7919) % 4000), 1 + i, { half: 0.1 }),
    )
    expect(ask(many, { resamples: 1000 }).resamples).toBe(750)
  })

  it('is the frontier itself where nothing is uncertain', () => {
    fc.assert(
      fc.property(anyCandidates, (rows) => {
        const exact = rows.map((c) =>
          candidate(
            c.id,
            c.metrics['energy_per_output_token_j']?.value ?? 1,
            c.metrics['itl_ms_p50']?.value ?? 1,
            {
              half: 0,
            },
          ),
        )
        for (const p of ask(exact, { resamples: 3 }).points)
          expect([p.certainty, p.frontier_share]).toEqual(p.frontier ? ['certain', 1] : ['none', 0])
      }),
      { numRuns: 40 },
    )
  })
})
