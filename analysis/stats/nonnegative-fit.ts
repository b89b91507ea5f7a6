/** Sums of a least squares problem of a few columns: they add over groups of rows. */
export interface Normal {
  readonly columns: number
  /** Products of columns, row by row. */
  readonly gram: Float64Array
  /** Products of each column with the right side. */
  readonly right: Float64Array
}

export const emptyNormal = (columns: number): Normal => ({
  columns,
  gram: new Float64Array(columns * columns),
  right: new Float64Array(columns),
})

/** @param x one value a column */
export function addRow({ columns, gram, right }: Normal, x: readonly number[], y: number): void {
  for (let i = 0; i < columns; i++) {
    right[i] = (right[i] as number) + (x[i] as number) * y
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j
      gram[at] = (gram[at] as number) + (x[i] as number) * (x[j] as number)
    }
  }
}

export function addNormal(into: Normal, other: Normal): void {
  for (let i = 0; i < into.gram.length; i++)
    into.gram[i] = (into.gram[i] as number) + (other.gram[i] as number)
  for (let i = 0; i < into.columns; i++)
    into.right[i] = (into.right[i] as number) + (other.right[i] as number)
}

/** Every choice of columns but none; a handful of columns have a handful. */
const subsets = (columns: number): number[][] =>
  Array.from({ length: 2 ** columns - 1 }, (_, k) =>
    Array.from({ length: columns }, (_, i) => i).filter((i) => ((k + 1) >> i) & 1),
  )

/**
 * Least squares with no coefficient negative: of all subsets of columns whose plain solution is not negative the one
 * that explains most, which is the exact optimum. Source: Lawson and Hanson, Solving Least Squares Problems, ch. 23.
 */
export function nonnegativeFit(normal: Normal): number[] {
  const norm = norms(normal)
  let best = norm.map(() => 0)
  let most = 0
  for (const subset of subsets(normal.columns)) {
    if (subset.some((i) => norm[i] === 0)) continue
    const rows = subset.map((i) => [
      ...subset.map((j) => cosine(normal, norm, i, j)),
      (normal.right[i] as number) / (norm[i] as number),
    ])
    const goal = rows.map((r) => r.at(-1) as number)
    const solution = solve(rows)
    if (solution === null || solution.some((b) => b < 0)) continue
    const explained = solution.reduce((sum, b, i) => sum + b * (goal[i] as number), 0)
    if (explained <= most) continue
    most = explained
    const out = norm.map(() => 0)
    subset.forEach((column, i) => {
      out[column] = (solution[i] as number) / (norm[column] as number)
    })
    best = out
  }
  return best
}

/**
 * Condition number of the columns, each scaled to unit length; infinite where one is empty or follows from the others.
 * Source: Belsley, Kuh and Welsch, Regression Diagnostics, ch. 3.
 */
export function conditionNumber(normal: Normal): number {
  const norm = norms(normal)
  if (norm.some((n) => n === 0)) return Number.POSITIVE_INFINITY
  const values = eigenvalues(norm.map((_, i) => norm.map((_, j) => cosine(normal, norm, i, j))))
  const smallest = Math.min(...values)
  return smallest <= 0 ? Number.POSITIVE_INFINITY : Math.sqrt(Math.max(...values) / smallest)
}

/** Of a small symmetric matrix, which is turned. Source: Jacobi's rotations, Golub and Van Loan, Matrix Computations, 8.5. */
function eigenvalues(matrix: number[][]): number[] {
  const n = matrix.length
  const at = (i: number, j: number) => matrix[i]?.[j] as number
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (at(p, q) === 0) continue
        const theta = (at(q, q) - at(p, p)) / (2 * at(p, q))
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const cos = 1 / Math.hypot(t, 1)
        const sin = t * cos
        const [above, below] = [matrix[p] as number[], matrix[q] as number[]]
        for (let k = 0; k < n; k++) turn(above, k, below, k, cos, sin)
        for (const row of matrix) turn(row, p, row, q, cos, sin)
      }
  return matrix.map((row, i) => row[i] as number)
}

/** Two elements, x[i] and y[j], turned into each other. */
function turn(x: number[], i: number, y: number[], j: number, cos: number, sin: number): void {
  const [a, b] = [x[i] as number, y[j] as number]
  x[i] = cos * a - sin * b
  y[j] = sin * a + cos * b
}

/** Each sweep squares what is left beside the diagonal: four would do. */
const SWEEPS = 8

const norms = ({ columns, gram }: Normal): number[] =>
  Array.from({ length: columns }, (_, i) => Math.sqrt(Math.max(0, gram[i * columns + i] as number)))

const cosine = ({ columns, gram }: Normal, norm: readonly number[], i: number, j: number): number =>
  (gram[i * columns + j] as number) / ((norm[i] as number) * (norm[j] as number))

/** Gauss with pivots on rows of coefficients and right side; null where they do not determine it. */
function solve(rows: number[][]): number[] | null {
  const n = rows.length
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++)
      if (Math.abs(rows[i]?.[k] as number) > Math.abs(rows[pivot]?.[k] as number)) pivot = i
    const row = rows[pivot] as number[]
    rows[pivot] = rows[k] as number[]
    rows[k] = row
    if (Math.abs(row[k] as number) < 1e-12) return null
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const other = rows[i] as number[]
      const factor = (other[k] as number) / (row[k] as number)
      for (let j = k; j <= n; j++) other[j] = (other[j] as number) - factor * (row[j] as number)
    }
  }
  return rows.map((row, i) => (row[n] as number) / (row[i] as number))
}
