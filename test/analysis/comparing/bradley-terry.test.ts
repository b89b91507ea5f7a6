import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bradleyTerry, type Match } from '../../../analysis/comparing/bradley-terry.ts'
import { seededRandom } from '../../../analysis/stats/random.ts'

/** `wins` for a, `losses` for b, `draws` for neither. */
const between = (a: string, b: string, wins: number, losses: number, draws = 0): Match[] => [
  ...Array.from({ length: wins }, (): Match => ({ a, b, score: 1 })),
  ...Array.from({ length: losses }, (): Match => ({ a, b, score: 0 })),
  ...Array.from({ length: draws }, (): Match => ({ a, b, score: 0.5 })),
]
const strengthsOf = (matches: readonly Match[]) => {
  const { strengths } = bradleyTerry(matches)
  return new Map((strengths ?? []).map((s) => [s.entrant, s]))
}
const value = (matches: readonly Match[], of: string) =>
  strengthsOf(matches).get(of)?.strength as number

const matches = fc.array(
  fc.record({
    a: fc.constantFrom('a', 'b', 'c'),
    b: fc.constantFrom('d', 'e'),
    score: fc.constantFrom(0, 0.5, 1) as fc.Arbitrary<Match['score']>,
  }),
  { minLength: 1, maxLength: 25 },
)

describe('bradleyTerry', () => {
  it('is the log odds of two, half a vote added to each side', () => {
    // ln(7.5 / 3.5) = 0.762140; each lies half of it from their mean.
    const found = strengthsOf(between('a', 'b', 7, 3))
    expect(found.get('a')?.strength).toBeCloseTo(0.38107, 5)
    expect(found.get('b')?.strength).toBeCloseTo(-0.38107, 5)
    // Variance of the difference 1 / (n p q), p = 7.5 / 11: 1 / (10 × 0.6818 × 0.3182) = 0.46095; of half of it a quarter.
    const half = 1.959964 * Math.sqrt(0.460952) * 0.5
    expect(found.get('a')?.low).toBeCloseTo(0.38107 - half, 5)
    expect(found.get('a')?.high).toBeCloseTo(0.38107 + half, 5)
  })

  it('counts a draw as half a win to each', () => {
    const draws = between('a', 'b', 4, 2, 6)
    expect(value(draws, 'a')).toBeCloseTo(value(between('a', 'b', 7, 5), 'a'), 12)
    expect(value(between('a', 'b', 0, 0, 3), 'a')).toBeCloseTo(0, 12)
  })

  it('gives three in a chain the log odds of each link, worked by hand', () => {
    // a-b 6 : 2, b-c 5 : 1. Each link alone tells its difference: ln(6.5/2.5) = 0.955511, ln(5.5/1.5) = 1.299283.
    const found = strengthsOf([...between('a', 'b', 6, 2), ...between('b', 'c', 5, 1)])
    const [a, b, c] = ['a', 'b', 'c'].map((e) => found.get(e)?.strength as number) as [
      number,
      number,
      number,
    ]
    expect(a - b).toBeCloseTo(0.955511, 6)
    expect(b - c).toBeCloseTo(1.299283, 6)
    expect(a + b + c).toBeCloseTo(0, 10)
    // The middle one: (0.955511 × -1 + 1.299283) / 3.
    expect(b).toBeCloseTo(0.114591, 6)
  })

  it('calls three in a circle equal', () => {
    const circle = [
      ...between('a', 'b', 3, 1),
      ...between('b', 'c', 3, 1),
      ...between('c', 'a', 3, 1),
    ]
    for (const entrant of ['a', 'b', 'c']) expect(value(circle, entrant)).toBeCloseTo(0, 10)
  })

  it('solves the penalised equations of a full triangle, checked by a search of its own', () => {
    const votes: [string, string, number, number][] = [
      ['a', 'b', 8, 4],
      ['a', 'c', 9, 1],
      ['b', 'c', 5, 5],
    ]
    const found = strengthsOf(votes.flatMap(([a, b, w, l]) => between(a, b, w, l)))
    // Log likelihood plus half the log determinant of the information, searched on ever finer grids with c = 0.
    const penalised = (x: number, y: number): number => {
      const at: Record<string, number> = { a: x, b: y, c: 0 }
      let sum = 0
      const info = [0, 0, 0]
      for (const [p, q, w, l] of votes) {
        const chance = 1 / (1 + Math.exp((at[q] as number) - (at[p] as number)))
        sum += w * Math.log(chance) + l * Math.log(1 - chance)
        const k = p === 'a' && q === 'b' ? 2 : p === 'a' ? 0 : 1
        info[k] = (w + l) * chance * (1 - chance)
      }
      const [ac, bc, ab] = info as [number, number, number]
      return sum + 0.5 * Math.log((ac + ab) * (bc + ab) - ab * ab)
    }
    let [x, y] = [0, 0]
    for (let step = 0.5; step > 1e-7; step /= 2)
      for (let moved = true; moved; ) {
        moved = false
        for (const [dx, dy] of [
          [step, 0],
          [-step, 0],
          [0, step],
          [0, -step],
        ] as const)
          if (penalised(x + dx, y + dy) > penalised(x, y)) {
            x += dx
            y += dy
            moved = true
          }
      }
    const c = found.get('c')?.strength as number
    expect((found.get('a')?.strength as number) - c).toBeCloseTo(x, 5)
    expect((found.get('b')?.strength as number) - c).toBeCloseTo(y, 5)
  })

  it('keeps one that won everything finite: ln((5 + ½) / ½) above the other', () => {
    const found = strengthsOf(between('a', 'b', 5, 0))
    const gap = (found.get('a')?.strength as number) - (found.get('b')?.strength as number)
    expect(gap).toBeCloseTo(Math.log(11), 8)
    // Five to none is not significant at 5 % in a two-sided sign test (p = 0.0625), ten to none is (p = 0.002).
    expect(found.get('a')?.low).toBeLessThan(0)
    expect(strengthsOf(between('a', 'b', 10, 0)).get('a')?.low).toBeGreaterThan(0)
  })

  it('has none where entrants are not all compared, and says who is', () => {
    expect(bradleyTerry([...between('d', 'c', 2, 1), ...between('a', 'b', 1, 1)])).toEqual({
      strengths: null,
      groups: [
        ['a', 'b'],
        ['c', 'd'],
      ],
    })
    expect(bradleyTerry([])).toEqual({ strengths: [], groups: [] })
  })

  it('does not depend on the order of the votes', () => {
    fc.assert(
      fc.property(matches, fc.integer(), (votes, seed) => {
        const random = seededRandom(seed)
        const mixed = votes
          .map((v) => [random(), v] as const)
          .sort(([x], [y]) => x - y)
          .map(([, v]) => v)
        expect(bradleyTerry(mixed)).toEqual(bradleyTerry(votes))
      }),
    )
  })

  it('mirrors when every vote is turned round, and is the same when sides are swapped', () => {
    fc.assert(
      fc.property(matches, (votes) => {
        const swapped = votes.map(
          ({ a, b, score }): Match => ({ a: b, b: a, score: (1 - score) as Match['score'] }),
        )
        expect(bradleyTerry(swapped)).toEqual(bradleyTerry(votes))
        const turned = votes.map((v): Match => ({ ...v, score: (1 - v.score) as Match['score'] }))
        const before = strengthsOf(votes)
        for (const [entrant, { strength, low }] of strengthsOf(turned)) {
          expect(strength).toBeCloseTo(-(before.get(entrant)?.strength as number), 7)
          expect(low).toBeCloseTo(-(before.get(entrant)?.high as number), 7)
        }
      }),
    )
  })

  it('adds up to zero, each range around its strength', () => {
    fc.assert(
      fc.property(matches, (votes) => {
        const found = bradleyTerry(votes).strengths ?? []
        expect(found.reduce((sum, s) => sum + s.strength, 0)).toBeCloseTo(0, 7)
        for (const { strength, low, high } of found) {
          expect(low).toBeLessThan(strength)
          expect(high).toBeGreaterThan(strength)
        }
      }),
    )
  })

  it('holds the truth in about 95 % of simulated votes, draws among them', () => {
    const random = seededRandom(7)
    const truth = { a: 0.8, b: 0.1, c: -0.9 }
    const names = ['a', 'b', 'c'] as const
    for (const draws of [0, 0.3]) {
      let inside = 0
      const trials = 400
      for (let t = 0; t < trials; t++) {
        const votes = Array.from({ length: 60 }, (): Match => {
          const i = Math.floor(random() * 3)
          const [a, b] = [names[i] as 'a', names[(i + 1) % 3] as 'b']
          const chance = 1 / (1 + Math.exp(truth[b] - truth[a]))
          // A draw instead of a decision, so that the expected score stays the model's.
          const room = Math.min(chance, 1 - chance) * 2 * draws
          const u = random()
          if (u < room) return { a, b, score: 0.5 }
          return { a, b, score: u < room + chance - room / 2 ? 1 : 0 }
        })
        for (const { entrant, low, high } of bradleyTerry(votes).strengths ?? []) {
          const real = truth[entrant as 'a']
          if (low <= real && real <= high) inside++
        }
      }
      const coverage = inside / (3 * trials)
      expect(coverage).toBeGreaterThan(0.935)
      expect(coverage).toBeLessThan(0.995)
    }
  })
})
