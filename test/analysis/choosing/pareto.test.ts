import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hypervolume } from '../../../analysis/choosing/hypervolume.ts'
import { kneeOf } from '../../../analysis/choosing/knee.ts'
import {
  DOMINANCE_RULES,
  type DominanceRule,
  onFrontier,
} from '../../../analysis/choosing/pareto.ts'

type Points = readonly (readonly number[])[]
const columns = (points: Points, k = points[0]?.length ?? 2) =>
  Array.from({ length: k }, (_, j) => points.map((p) => p[j] as number))
const frontier = (points: Points, rule: DominanceRule = 'textbook', k?: number): number[][] => {
  const on = onFrontier(columns(points, k), rule)
  return points.filter((_, i) => on[i] === 1).map((p) => [...p])
}

/** By the words of the definition, each point against each. */
function byDefinition(points: Points, rule: DominanceRule): number[][] {
  const beats = (a: readonly number[], b: readonly number[]) =>
    rule === 'mlenergy'
      ? a.every((v, k) => v < (b[k] as number))
      : a.every((v, k) => v <= (b[k] as number)) && a.some((v, k) => v < (b[k] as number))
  return points.filter((p) => !points.some((q) => beats(q, p))).map((p) => [...p])
}

const sorted = (points: Points) =>
  points.map((p) => p.join(' ')).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
// Few distinct values, so that ties and duplicates are common.
const someValue = fc.oneof(
  fc.integer({ min: 0, max: 6 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const pointsOf = (k: number) =>
  fc.array(fc.tuple(...Array.from({ length: k }, () => someValue)), { maxLength: 40 })
const anyPoints = fc.integer({ min: 1, max: 4 }).chain(pointsOf)
const rules = fc.constantFrom(...DOMINANCE_RULES)

describe('the frontier', () => {
  // 1,5 and 2,3 and 4,1 lie on it; 3,3 is worse than 2,3 on one axis only; 4,4 is worse on both.
  const points = [
    [1, 5],
    [2, 3],
    [3, 3],
    [4, 1],
    [4, 4],
    [2, 3],
  ]

  it('drops what is no better anywhere and worse somewhere; exact duplicates stay', () => {
    expect(frontier(points)).toEqual([
      [1, 5],
      [2, 3],
      [4, 1],
      [2, 3],
    ])
  })

  it('under the rule of ML.ENERGY drops only what is worse on every axis', () => {
    expect(frontier(points, 'mlenergy')).toEqual([
      [1, 5],
      [2, 3],
      [3, 3],
      [4, 1],
      [2, 3],
    ])
  })

  it('of three objectives keeps what is best on any mixture', () => {
    const three = [
      [1, 2, 3],
      [3, 1, 2],
      [2, 3, 1],
      [3, 3, 3],
      [1, 2, 4],
    ]
    expect(frontier(three)).toEqual(three.slice(0, 3))
    // 3,3,3 is beaten on every axis by none: 1,2,3 ties on the third.
    expect(frontier(three, 'mlenergy')).toEqual(three)
  })

  it('of one objective is the least, with its duplicates', () => {
    expect(frontier([[2], [1], [1]])).toEqual([[1], [1]])
  })

  it('of no points is empty; takes zero and minus zero as one', () => {
    expect(frontier([], 'textbook', 2)).toEqual([])
    expect(
      frontier([
        [0, 1],
        [-0, 1],
      ]),
    ).toHaveLength(2)
  })

  it('refuses numbers that are none, naming the point', () => {
    expect(() =>
      onFrontier([
        [1, Number.NaN],
        [1, 2],
      ]),
    ).toThrow('Point 1 has NaN on objective 0; leave points without a number out.')
    expect(() => onFrontier([[1, 2], [1]])).toThrow('Objective 1 has 1 numbers for 2 points')
    expect(() => onFrontier([])).toThrow('at least one objective')
  })

  it('is what the definition says, point by point', () => {
    fc.assert(
      fc.property(anyPoints, rules, (p, rule) => {
        expect(frontier(p, rule, p[0]?.length ?? 2)).toEqual(byDefinition(p, rule))
      }),
    )
  })

  it('does not depend on the order, and of itself is itself', () => {
    fc.assert(
      fc.property(anyPoints, rules, fc.infiniteStream(fc.nat()), (p, rule, shuffle) => {
        const k = p[0]?.length ?? 2
        const mixed = p
          .map((v) => ({ v, key: shuffle.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ v }) => v)
        const once = frontier(p, rule, k)
        expect(sorted(frontier(mixed, rule, k))).toEqual(sorted(once))
        expect(frontier(once, rule, k)).toEqual(once)
      }),
    )
  })
})

describe('the hypervolume', () => {
  it('is the area that is dominated up to the reference', () => {
    // Steps up to 5, 6: from 1 to 2: 6 - 5 = 1; from 2 to 4: 2 × 3 = 6; from 4 to 5: 1 × 5 = 5. Together 12.
    expect(
      hypervolume(
        [
          [1, 5],
          [2, 3],
          [4, 1],
        ],
        [5, 6],
      ),
    ).toBe(12)
  })

  it('of three objectives is a volume: two boxes less what they share', () => {
    // 2×1×1 (from 0,1,1) and 1×2×2 (from 1,0,0) up to 2,2,2; shared 1×1×1: 2 + 4 - 1 = 5.
    expect(
      hypervolume(
        [
          [0, 1, 1],
          [1, 0, 0],
        ],
        [2, 2, 2],
      ),
    ).toBe(5)
  })

  it('of nothing, and of points beyond the reference, is zero', () => {
    expect(hypervolume([], [1, 1])).toBe(0)
    expect(hypervolume([[2, 0]], [1, 1])).toBe(0)
    expect(hypervolume([[3], [1]], [4])).toBe(3)
  })

  it('counts the cells that some point dominates', () => {
    // On whole numbers it is the number of unit cells of a grid with a point at or below them on every axis.
    const grid = fc.integer({ min: 2, max: 3 }).chain((k) =>
      fc.record({
        k: fc.constant(k),
        points: fc.array(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: k, maxLength: k }), {
          maxLength: 8,
        }),
      }),
    )
    fc.assert(
      fc.property(grid, ({ k, points }) => {
        const cells = Array.from({ length: 4 ** k }, (_, c) =>
          Array.from({ length: k }, (_, j) => Math.floor(c / 4 ** j) % 4),
        )
        const dominated = cells.filter((cell) =>
          points.some((p) => p.every((v, j) => v <= (cell[j] as number))),
        ).length
        expect(hypervolume(points, new Array(k).fill(4))).toBe(dominated)
      }),
    )
  })
})

describe('the knee', () => {
  it('lies farthest below the line between the extremes', () => {
    // Scaled to 0..1: 0,1 / 0.1,0.2 / 0.5,0.1 / 1,0. Sums 1, 0.3, 0.6, 1: the second.
    const points = [
      [0, 10],
      [1, 2],
      [5, 1],
      [10, 0],
    ]
    expect(kneeOf(columns(points), [0, 1, 2, 3])).toBe(1)
  })

  it('is none on a straight or bulging frontier, or of two points', () => {
    const line = [
      [0, 2],
      [1, 1],
      [2, 0],
    ]
    expect(kneeOf(columns(line), [0, 1, 2])).toBeNull()
    expect(
      kneeOf(
        columns([
          [0, 2],
          [1.8, 1.8],
          [2, 0],
        ]),
        [0, 1, 2],
      ),
    ).toBeNull()
    expect(kneeOf(columns(line), [0, 2])).toBeNull()
    expect(kneeOf(columns(line), [])).toBeNull()
  })
})
