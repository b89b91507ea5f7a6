import { describe, expect, it } from 'vitest'
import { ratingsOf, type Vote } from '../../../analysis/comparing/quality.ts'
import { qualityRows, qualitySpec } from '../../../analysis/report/quality.ts'
import { type AnswerFacts, ratingsSchema } from '../../../analysis/schema/quality.ts'
import { drawSvg } from '../../../server/web/svg.ts'

const facts = (model: string, energy_j: number | null, more: Partial<AnswerFacts> = {}) => ({
  ...{ set_id: `run-${model}`, run_id: `run-${model}`, model, valid: true },
  ...{ energy_j, energy_low_j: energy_j && energy_j - 2, energy_high_j: energy_j && energy_j + 2 },
  energy_reason: energy_j === null ? ('outside_window' as const) : null,
  ...{ carbon_g: null, carbon_reason: 'not_asked' as const, e2e_s: 1, e2e_reason: null },
  ...more,
})
const vote = (
  left: AnswerFacts,
  right: AnswerFacts,
  choice: Vote['choice'],
  prompt = 'p1',
  worth_it: boolean | null = null,
): Vote => ({ prompt_sha256: prompt, choice, left, right, worth_it })
const of = (votes: readonly Vote[], entrant: string) => {
  const found = ratingsSchema.parse(ratingsOf(votes, 'model'))
  return found.entrants.find((e) => e.entrant === entrant)
}

const A1 = facts('a', 10)
const A2 = facts('a', 14)
const B1 = facts('b', 4)
const B2 = facts('b', 6)

describe('ratingsOf', () => {
  const votes = [
    vote(A1, B1, 'left', 'p1', true),
    vote(B1, A1, 'left', 'p1'),
    vote(A2, B2, 'left', 'p2', false),
    vote(B2, A2, 'both_bad', 'p2'),
    vote(A2, B2, 'tie', 'p2'),
  ]

  it('counts each vote for both sides', () => {
    expect(of(votes, 'a')).toMatchObject({
      ...{ votes: 5, wins: 2, losses: 1, ties: 2, both_bad: 1, worth_it: 1, not_worth_it: 1 },
    })
    expect(of(votes, 'b')).toMatchObject({ votes: 5, wins: 1, losses: 2, ties: 2, both_bad: 1 })
  })

  it('rates by log odds against the average, and says the same as a percentage', () => {
    // 3 of 5 with draws as halves: ln(3.5 / 2.5) / 2 = 0.168236; 1 / (1 + e^-0.168236) = 54.196 %.
    expect(of(votes, 'a')?.rating).toMatchObject({ value: expect.closeTo(0.168236, 6), n: 5 })
    expect(of(votes, 'a')?.win_pct).toBeCloseTo(54.196, 3)
    expect(of(votes, 'b')?.rating.value).toBeCloseTo(-0.168236, 6)
  })

  it('takes the mean joules of the answers, each once, with the spread and the sensor in its range', () => {
    // 10 and 14 J: mean 12, sd √8, t(0.975, 1) = 12.7062; half √((12.7062 × √8 / √2)² + 2²) = 25.4910.
    expect(of(votes, 'a')?.energy_per_answer_j).toMatchObject({
      ...{ value: 12, n: 2, reason: null },
      low: expect.closeTo(12 - 25.491, 3),
      high: expect.closeTo(12 + 25.491, 3),
    })
    const one = of([vote(A1, B1, 'left')], 'a')
    expect(one?.energy_per_answer_j).toEqual({ value: 10, low: 8, high: 12, n: 1, reason: null })
  })

  it('does not count joules of invalid runs, and passes on why there are none', () => {
    const invalid = facts('a', 10, { valid: false })
    expect(of([vote(invalid, B1, 'left')], 'a')?.energy_per_answer_j).toMatchObject({
      ...{ value: null, n: 0, reason: 'not_recorded' },
    })
    const none = facts('a', null)
    expect(of([vote(none, B1, 'left')], 'a')?.energy_per_answer_j.reason).toBe('outside_window')
    expect(of([vote(none, B1, 'left')], 'a')).toMatchObject({
      frontier: false,
      frontier_share: null,
    })
  })

  it('puts on the frontier what no other beats on votes at no more energy', () => {
    const dear = facts('c', 50)
    const all = [
      ...Array.from({ length: 20 }, (_, i) => vote(A1, B1, i % 4 === 0 ? 'right' : 'left')),
      ...Array.from({ length: 20 }, (_, i) => vote(dear, A1, i % 4 === 0 ? 'left' : 'right')),
    ]
    expect(of(all, 'a')).toMatchObject({ frontier: true })
    expect(of(all, 'b')).toMatchObject({ frontier: true })
    expect(of(all, 'c')).toMatchObject({ frontier: false })
    expect(of(all, 'c')?.frontier_share).toBeLessThan(0.05)
  })

  it('has no rating where votes do not join all, and keeps the joules', () => {
    const apart = ratingsOf(
      [vote(A1, B1, 'left'), vote(facts('c', 1), facts('d', 2), 'tie')],
      'model',
    )
    expect(apart.groups).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    expect(apart.entrants.map((e) => [e.rating.value, e.rating.reason])).toEqual(
      new Array(4).fill([null, 'unconnected']),
    )
    expect(apart.entrants[0]?.energy_per_answer_j.value).toBe(10)
  })

  it('takes single runs apart, and leaves out votes within one entrant', () => {
    const twin = facts('a', 11, { set_id: 'run-a2' })
    const votes = [vote(A1, twin, 'left'), vote(A1, B1, 'left')]
    expect(ratingsOf(votes, 'model').votes).toBe(1)
    expect(ratingsOf(votes, 'run').entrants.map((e) => e.entrant)).toEqual([
      'run-a',
      'run-a2',
      'run-b',
    ])
  })

  it('does not depend on the order of the votes', () => {
    expect(ratingsOf([...votes].reverse(), 'model')).toEqual(ratingsOf(votes, 'model'))
  })
})

describe('qualitySpec', () => {
  it('draws whoever has both numbers, with ranges and names, and nothing of nobody', async () => {
    const found = ratingsOf([vote(A1, B1, 'left'), vote(facts('c', null), B1, 'left')], 'model')
    expect(qualityRows(found).map((r) => r.entrant)).toEqual(['a', 'b'])
    for (const ratings of [found, ratingsOf([], 'model')]) {
      const warnings: string[] = []
      const svg = await drawSvg(qualitySpec(ratings), 'q', (w) => warnings.push(w))
      expect([svg.startsWith('<svg '), svg.includes('NaN'), warnings]).toEqual([true, false, []])
    }
  })
})
