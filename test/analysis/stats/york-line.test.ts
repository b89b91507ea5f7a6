import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Point, yorkLine } from '../../../analysis/stats/york-line.ts'

/** Pearson's points with York's weights. Source: York et al., Am. J. Phys. 72 (2004) 367, tables I and II. */
const PEARSON: readonly Point[] = (
  [
    [0.0, 5.9, 1000, 1],
    [0.9, 5.4, 1000, 1.8],
    [1.8, 4.4, 500, 4],
    [2.6, 4.6, 800, 8],
    [3.3, 3.5, 200, 20],
    [4.4, 3.7, 80, 20],
    [5.2, 2.8, 60, 70],
    [6.1, 2.8, 20, 70],
    [6.5, 2.4, 1.8, 100],
    [7.4, 1.5, 1, 500],
  ] as const
).map(([x, y, w_x, w_y]) => ({ x, y, u_x: 1 / Math.sqrt(w_x), u_y: 1 / Math.sqrt(w_y) }))

describe('a line through points that err in both coordinates', () => {
  test("is that of York's published example", () => {
    const line = yorkLine(PEARSON)
    expect(line?.slope).toBeCloseTo(-0.480533407, 8)
    expect(line?.intercept).toBeCloseTo(5.479910224, 8)
    expect(line?.u_slope).toBeCloseTo(0.058, 3)
    expect(line?.u_intercept).toBeCloseTo(0.295, 3)
    expect(line?.chi_square).toBeCloseTo(11.8664, 3)
  })

  test('without errors in x is the weighted line of least squares', () => {
    // Equal weights 1/4: y = 1.5 + 1.9 x through (0, 1.4), (1, 3.5), (2, 5.2): slope (5.2 - 1.4) / 2
    const points = [1.4, 3.5, 5.2].map((y, x) => ({ x, y, u_x: 0, u_y: 2 }))
    const line = yorkLine(points)
    expect(line?.slope).toBeCloseTo(1.9, 12)
    expect(line?.intercept).toBeCloseTo(10.1 / 3 - 1.9, 12)
    // u = 2 / root(sum (x - 1)^2) = 2 / root 2; of the intercept root(4 / 3 + 1 x 2); covariance -1 x 2
    expect(line?.u_slope).toBeCloseTo(Math.SQRT2, 12)
    expect(line?.u_intercept).toBeCloseTo(Math.sqrt(4 / 3 + 2), 12)
    expect(line?.covariance).toBeCloseTo(-2, 12)
  })

  test('turned round is the same line', () => {
    const point = fc.record({
      x: fc.double({ min: 0, max: 100, noNaN: true }),
      e: fc.double({ min: -1, max: 1, noNaN: true }),
      u_x: fc.double({ min: 0.5, max: 2, noNaN: true }),
      u_y: fc.double({ min: 0.5, max: 2, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(point, { minLength: 3, maxLength: 12 }), (rows) => {
        const spread = Math.max(...rows.map((r) => r.x)) - Math.min(...rows.map((r) => r.x))
        fc.pre(spread > 30)
        const points = rows.map(({ x, e, u_x, u_y }) => ({ x, y: 3 + 2 * x + e, u_x, u_y }))
        const one = yorkLine(points)
        const other = yorkLine(points.map((p) => ({ x: p.y, y: p.x, u_x: p.u_y, u_y: p.u_x })))
        expect(other?.slope).toBeCloseTo(1 / (one?.slope ?? 0), 6)
        expect(other?.chi_square).toBeCloseTo(one?.chi_square ?? 0, 4)
      }),
    )
  })

  test('is none through points that determine none, and needs uncertainties', () => {
    const p = { x: 1, y: 1, u_x: 1, u_y: 1 }
    expect(yorkLine([])).toBeNull()
    expect(yorkLine([p])).toBeNull()
    expect(yorkLine([p, { ...p, y: 3 }])).toBeNull()
    expect(() => yorkLine([p, { ...p, u_x: 0, u_y: 0 }])).toThrow('point 1 has no uncertainty')
  })
})
