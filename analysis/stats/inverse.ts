/**
 * Inverse of a small square matrix, by Gauss and Jordan with pivots; null where it has none.
 * @param matrix rows; left as they are
 */
export function inverse(matrix: readonly (readonly number[])[]): number[][] | null {
  const n = matrix.length
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))])
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (size(rows, i, k) > size(rows, pivot, k)) pivot = i
    const row = rows[pivot] as number[]
    rows[pivot] = rows[k] as number[]
    rows[k] = row
    const lead = row[k] as number
    if (!(Math.abs(lead) > Number.MIN_VALUE / Number.EPSILON)) return null
    for (let j = 0; j < 2 * n; j++) row[j] = (row[j] as number) / lead
    for (const [i, other] of rows.entries()) {
      const factor = other[k] as number
      if (i === k || factor === 0) continue
      for (let j = k; j < 2 * n; j++) other[j] = (other[j] as number) - factor * (row[j] as number)
    }
  }
  return rows.map((row) => row.slice(n))
}

const size = (rows: readonly (readonly number[])[], i: number, k: number): number =>
  Math.abs(rows[i]?.[k] as number)
