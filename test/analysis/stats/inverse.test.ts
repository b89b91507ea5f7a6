import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inverse } from '../../../analysis/stats/inverse.ts'

describe('inverse', () => {
  it('inverts by hand: 4 7, 2 6 has the determinant 10', () => {
    const found = inverse([
      [4, 7],
      [2, 6],
    ])
    expect(found?.flat().map((v) => Math.round(v * 1e12) / 1e12)).toEqual([0.6, -0.7, -0.2, 0.4])
  })

  it('turns rows where a pivot is zero, and has none where rows depend on each other', () => {
    expect(
      inverse([
        [0, 1],
        [1, 0],
      ]),
    ).toEqual([
      [0, 1],
      [1, 0],
    ])
    expect(
      inverse([
        [1, 2],
        [2, 4],
      ]),
    ).toBeNull()
  })

  it('times its matrix is the identity', () => {
    const number = fc.double({ min: -10, max: 10, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(fc.array(number, { minLength: 4, maxLength: 4 }), { minLength: 4, maxLength: 4 }),
        (rows) => {
          // Heavier on the diagonal than beside it, so that there is an inverse.
          const matrix = rows.map((row, i) =>
            row.map((v, j) => (i === j ? v + Math.sign(v || 1) * 50 : v)),
          )
          const found = inverse(matrix) as number[][]
          matrix.forEach((row, i) => {
            row.forEach((_, j) => {
              const cell = row.reduce((sum, v, k) => sum + v * (found[k]?.[j] as number), 0)
              expect(cell).toBeCloseTo(i === j ? 1 : 0, 9)
            })
          })
        },
      ),
    )
  })
})
