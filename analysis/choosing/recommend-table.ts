import type { Baseline, Pricing } from '../schema/choosing.ts'
import { byId, type Candidate } from './candidate.ts'
import { candidateLabels } from './candidate-view.ts'
import { type Bound, keeps } from './objective.ts'

/** What is chosen among: candidates by id, and what is asked of them. */
export interface Question {
  readonly minimize: string
  /** The metric that counts as latency. */
  readonly latency: string
  readonly bounds: readonly Bound[]
  readonly baseline: Baseline
  /** What the candidates were priced by; null: they were not. */
  readonly pricing: Pricing | null
  /** On what the scores are by which candidates are judged; null: they are judged by none. */
  readonly quality_dataset: string | null
  /** What runs now, with `baseline: current`. Need not be feasible. */
  readonly current: Candidate | null
  /** Why what runs now can't be compared with, where it can't. */
  readonly no_current: string | null
}

/** Numbers by metric, one a candidate, NaN where there is none: as measured, or as resampled. */
export type Columns = Readonly<Record<string, ArrayLike<number>>>

export interface Table {
  readonly rows: readonly Candidate[]
  /** What to call each row beside the others. */
  readonly labels: readonly string[]
  /** What runs now may be compared with though it is not among the candidates; then it is the last row. */
  readonly eligible: number
  readonly metrics: readonly string[]
}

/** Rows in an order that does not depend on how they came. */
export function tableOf(candidates: readonly Candidate[], question: Question): Table {
  const rows = [...candidates].sort(byId)
  const { current, minimize, latency, bounds } = question
  const outside = current !== null && !rows.some((c) => c.id === current.id)
  const all = outside ? [...rows, current] : rows
  return {
    rows: all,
    labels: candidateLabels(all),
    eligible: rows.length,
    metrics: [...new Set([minimize, latency, ...bounds.map((b) => b.metric)])],
  }
}

/** A number of a row; NaN where there is none. */
export const at = (columns: Columns, metric: string, row: number): number =>
  (columns[metric] as ArrayLike<number>)[row] as number

/** Rows that keep every bound, inclusive; one without the number does not. */
export function feasibleRows(table: Table, columns: Columns, bounds: readonly Bound[]): number[] {
  const out: number[] = []
  for (let i = 0; i < table.eligible; i++)
    if (bounds.every((b) => keeps(at(columns, b.metric, i), b))) out.push(i)
  return out
}

/**
 * The least of the minimised metric; of equal ones the one known best (the narrowest range), then the fastest, then on
 * the fewest devices, then the first id.
 */
export function leastOf(
  rows: readonly number[],
  table: Table,
  columns: Columns,
  { minimize, latency }: Question,
): number | null {
  const width = (i: number) => {
    const { low = null, high = null } = table.rows[i]?.metrics[minimize] ?? {}
    return low === null || high === null ? Number.POSITIVE_INFINITY : high - low
  }
  return firstBy(rows, [
    (i) => at(columns, minimize, i),
    width,
    (i) => orLast(at(columns, latency, i)),
    (i) => devicesOf(table, i),
  ])
}

/** The row that the recommended one is compared with. null: there is none of that kind. */
export function baselineRow(
  rows: readonly number[],
  recommended: number,
  table: Table,
  columns: Columns,
  question: Question,
): number | null {
  const { minimize, latency, baseline, current } = question
  if (baseline === 'current') {
    const row = table.rows.findIndex((c) => c.id === current?.id)
    return row < 0 ? null : row
  }
  if (baseline === 'worst_feasible')
    return firstBy(rows, [
      (i) => -at(columns, minimize, i),
      (i) => orLast(at(columns, latency, i)),
      (i) => devicesOf(table, i),
    ])
  const chosen = table.rows[recommended] as Candidate
  const alike = (c: Candidate) => c.gpu_model === chosen.gpu_model && c.num_gpus === chosen.num_gpus
  const timed = rows.filter(
    (i) =>
      !Number.isNaN(at(columns, latency, i)) &&
      (baseline === 'fastest_feasible' || alike(table.rows[i] as Candidate)),
  )
  return firstBy(timed, [
    (i) => at(columns, latency, i),
    (i) => at(columns, minimize, i),
    (i) => devicesOf(table, i),
  ])
}

/** The row with the least keys, compared in turn; of equal ones the first, which has the least id. */
function firstBy(
  rows: readonly number[],
  keys: readonly ((row: number) => number)[],
): number | null {
  let first: number | null = null
  for (const row of rows) {
    if (first === null) first = row
    else
      for (const key of keys) {
        const [mine, best] = [key(row), key(first)]
        if (mine === best) continue
        if (mine < best) first = row
        break
      }
  }
  return first
}

/** As answers tell it. */
export const numberOr = (value: number): number | null => (Number.isNaN(value) ? null : value)

const orLast = (value: number) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)
const devicesOf = (table: Table, row: number) =>
  table.rows[row]?.num_gpus ?? Number.POSITIVE_INFINITY
