import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addNormal,
  addRow,
  conditionNumber,
  emptyNormal,
  nonnegativeFit,
} from '../../../analysis/stats/nonnegative-fit.ts'

const normalOf = (rows: readonly (readonly [readonly number[], number])[]) => {
  const normal = emptyNormal(rows[0]?.[0].length ?? 3)
  for (const [x, y] of rows) addRow(normal, x, y)
  return normal
}

describe('a least squares fit without negative coefficients', () => {
  test('is the plain one where that is not negative', () => {
    // 2 a + 3 b + 5 c through four rows, exactly
    const found = nonnegativeFit(
      normalOf([
        [[1, 0, 0], 2],
        [[1, 1, 0], 5],
        [[1, 0, 1], 7],
        [[1, 2, 1], 13],
      ]),
    )
    expect(found.map((b) => Math.round(b * 1e9) / 1e9)).toEqual([2, 3, 5])
  })
  test('leaves out a column that would be negative', () => {
    // Plain: 4 - 2 b. Without b, the mean of 4 and 2
    const found = nonnegativeFit(
      normalOf([
        [[1, 0, 0], 4],
        [[1, 1, 0], 2],
      ]),
    )
    expect(found[0]).toBeCloseTo(3, 12)
    expect(found.slice(1)).toEqual([0, 0])
  })
  test('is the optimum: no step that keeps all from 0 up makes the error smaller', () => {
    const number = fc.integer({ min: -20, max: 20 })
    const rowOf = (columns: number) =>
      fc.tuple(fc.array(number, { minLength: columns, maxLength: columns }), number)
    const problem = fc
      .integer({ min: 2, max: 4 })
      .chain((columns) => fc.array(rowOf(columns), { minLength: 3, maxLength: 12 }))
    fc.assert(
      fc.property(problem, (rows) => {
        const b = nonnegativeFit(normalOf(rows))
        for (let i = 0; i < b.length; i++) {
          const gradient = rows.reduce(
            (sum, [x, y]) =>
              sum + (x[i] as number) * (y - x.reduce((s, v, j) => s + v * (b[j] as number), 0)),
            0,
          )
          expect(b[i]).toBeGreaterThanOrEqual(0)
          expect(gradient).toBeLessThan(1e-5)
          if ((b[i] as number) > 0) expect(gradient).toBeGreaterThan(-1e-5)
        }
      }),
    )
  })
  test('adds over groups of rows', () => {
    const rows: [number[], number][] = [
      [[1, 2, 3], 4],
      [[5, 6, 8], 9],
    ]
    const sum = emptyNormal(3)
    for (const row of rows) addNormal(sum, normalOf([row]))
    expect(sum).toEqual(normalOf(rows))
  })
})

describe('the condition number', () => {
  test('is 1 of columns at right angles', () => {
    expect(
      conditionNumber(
        normalOf([
          [[1, 0, 0], 0],
          [[0, 5, 0], 0],
          [[0, 0, 9], 0],
        ]),
      ),
    ).toBe(1)
    expect(
      conditionNumber(
        normalOf([0, 1, 2, 3].map((i) => [[0, 1, 2, 3].map((j) => (i === j ? i + 1 : 0)), 0])),
      ),
    ).toBe(1)
  })
  test('is the root of the eigenvalues of scaled columns', () => {
    // Columns (1, 0, 0), (1, root 3, 0) / any length: cosine 0.5; the third apart: 1.5, 1, 0.5; root of 3
    expect(
      conditionNumber(
        normalOf([
          [[1, 7, 0], 0],
          [[0, 7 * Math.sqrt(3), 0], 0],
          [[0, 0, 4], 0],
        ]),
      ),
    ).toBeCloseTo(Math.sqrt(3), 9)
  })
  test('of four columns that are equally alike is that of one direction beside three', () => {
    // Cosine 0.5 between any two: eigenvalues 1 + 3 x 0.5, and 0.5 three times; root of 5
    const own = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0)))
    const rows = [...own, [1, 1, 1, 1]]
    expect(conditionNumber(normalOf(rows.map((x) => [x, 0])))).toBeCloseTo(Math.sqrt(5), 9)
  })
  test('has no bound where one column is empty or the double of another', () => {
    expect(conditionNumber(normalOf([[[1, 2, 0], 0]]))).toBe(Number.POSITIVE_INFINITY)
    expect(
      conditionNumber(
        normalOf([
          [[1, 2, 1], 0],
          [[2, 4, 7], 0],
        ]),
      ),
    ).toBeGreaterThan(1e6)
  })
})
