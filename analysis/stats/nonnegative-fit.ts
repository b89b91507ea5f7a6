/** Sums of a least squares problem of three columns: they add over groups of rows. */
export interface Normal {
  /** Products of columns: 00, 01, 02, 11, 12, 22. */
  readonly gram: Float64Array
  /** Products of each column with the right side. */
  readonly right: Float64Array
}

export type Three = readonly [number, number, number]

const SUBSETS = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]] as const
const PLACE = [
  [0, 1, 2],
  [1, 3, 4],
  [2, 4, 5],
] as const

export const emptyNormal = (): Normal => ({
  gram: new Float64Array(6),
  right: new Float64Array(3),
})

export function addRow({ gram, right }: Normal, x: Three, y: number): void {
  for (let i = 0; i < 3; i++) {
    right[i] = (right[i] as number) + (x[i] as number) * y
    for (let j = i; j < 3; j++) {
      const at = PLACE[i]?.[j] as number
      gram[at] = (gram[at] as number) + (x[i] as number) * (x[j] as number)
    }
  }
}

export function addNormal(into: Normal, other: Normal): void {
  for (let i = 0; i < 6; i++) into.gram[i] = (into.gram[i] as number) + (other.gram[i] as number)
  for (let i = 0; i < 3; i++) into.right[i] = (into.right[i] as number) + (other.right[i] as number)
}

/**
 * Least squares with no coefficient negative: of all subsets of columns whose plain solution is not negative the one
 * that explains most, which is the exact optimum. Source: Lawson and Hanson, Solving Least Squares Problems, ch. 23.
 */
export function nonnegativeFit(normal: Normal): Three {
  const norm = norms(normal)
  let best: Three = [0, 0, 0]
  let most = 0
  for (const subset of SUBSETS) {
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
    const out: [number, number, number] = [0, 0, 0]
    subset.forEach((column, i) => {
      out[column] = (solution[i] as number) / (norm[column] as number)
    })
    best = out
  }
  return best
}

/**
 * Condition number of the columns, each scaled to unit length; infinite where one is empty or follows from the others.
 * Source: Belsley, Kuh and Welsch, Regression Diagnostics, ch. 3; eigenvalues: Smith, CACM 4 (1961) 168.
 */
export function conditionNumber(normal: Normal): number {
  const norm = norms(normal)
  if (norm.some((n) => n === 0)) return Number.POSITIVE_INFINITY
  const [a, b, c] = [
    cosine(normal, norm, 0, 1),
    cosine(normal, norm, 0, 2),
    cosine(normal, norm, 1, 2),
  ]
  const p = Math.sqrt((a * a + b * b + c * c) / 3)
  if (p === 0) return 1
  const angle = Math.acos(Math.min(1, Math.max(-1, (a * b * c) / p ** 3))) / 3
  const largest = 1 + 2 * p * Math.cos(angle)
  const smallest = 1 + 2 * p * Math.cos(angle + (2 * Math.PI) / 3)
  return smallest <= 0 ? Number.POSITIVE_INFINITY : Math.sqrt(largest / smallest)
}

const norms = ({ gram }: Normal): number[] =>
  [0, 3, 5].map((at) => Math.sqrt(Math.max(0, gram[at] as number)))

const cosine = ({ gram }: Normal, norm: readonly number[], i: number, j: number): number =>
  (gram[PLACE[i]?.[j] as number] as number) / ((norm[i] as number) * (norm[j] as number))

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
