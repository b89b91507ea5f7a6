import { percentileOfSorted } from '../stats/percentile.ts'
import {
  baselineRow,
  type Columns,
  feasibleRows,
  leastOf,
  type Question,
  type Table,
} from './recommend-table.ts'
import { knowsRange, resampler } from './resample.ts'
import { savingPct } from './saving.ts'

export interface SavingRange {
  /** 95 % range of the saving; null where no range of a side is known, or no resample has a saving. */
  readonly low: number | null
  readonly high: number | null
  /** Share of resamples in which the same candidate is chosen, and in which it keeps every bound. */
  readonly chosen_share: number
  readonly feasible_share: number
}

/**
 * How sure a recommendation and its saving are. The winner of noisy candidates looks better than it is, since it won
 * partly by luck. So each resample chooses anew, with its own numbers, both the candidate and the baseline; how far
 * the saving that this choice promises lies above the one that the measured numbers give for the same two is how far
 * such promises err, luck included. The measured saving less the quantiles of that error is the range. It is widened
 * to hold the measured saving.
 * @param recommended, baseline rows of the table as measured
 * Source: docs/metrics.md, "Choosing a configuration"; Davison and Hinkley, Bootstrap Methods (1997), 5.2 (basic interval).
 */
export function savingRange(
  table: Table,
  question: Question,
  recommended: number,
  baseline: number | null,
  asked: { readonly resamples: number; readonly seed: number },
): SavingRange {
  const { minimize, bounds } = question
  const objectives = table.metrics.map((metric) => ({ metric, direction: 'min' as const }))
  const { costs, draw, exact } = resampler(table.rows, objectives, asked.seed)
  const resamples = exact ? 1 : asked.resamples
  const columns = (of: readonly Float64Array[]): Columns =>
    Object.fromEntries(table.metrics.map((m, k) => [m, of[k] as Float64Array]))
  const measured = columns(costs)
  const saving = (of: Columns, base: number, chosen: number) =>
    savingPct(of[minimize]?.[base] as number, of[minimize]?.[chosen] as number)
  const errors: number[] = []
  let same = 0
  let feasible = 0
  for (let r = 0; r < resamples; r++) {
    const drawn = columns(draw())
    const rows = feasibleRows(table, drawn, bounds)
    if (rows.includes(recommended)) feasible++
    const chosen = leastOf(rows, table, drawn, question)
    if (chosen === recommended) same++
    if (chosen === null || baseline === null) continue
    const base = baselineRow(rows, chosen, table, drawn, question)
    if (base === null) continue
    const [promised, held] = [saving(drawn, base, chosen), saving(measured, base, chosen)]
    if (promised !== null && held !== null) errors.push(promised - held)
  }
  const shares = { chosen_share: same / resamples, feasible_share: feasible / resamples }
  const value = baseline === null ? null : saving(measured, baseline, recommended)
  const known = [recommended, baseline].every(
    (row) => row !== null && knowsRange(table.rows[row]?.metrics[minimize]),
  )
  if (value === null || !known || errors.length === 0) return { low: null, high: null, ...shares }
  // A configuration saves nothing against itself, whatever else might have been chosen.
  if (baseline === recommended) return { low: 0, high: 0, ...shares }
  const sorted = Float64Array.from(errors).sort()
  return {
    low: Math.min(value, value - (percentileOfSorted(sorted, 0.975) as number)),
    high: Math.max(value, value - (percentileOfSorted(sorted, 0.025) as number)),
    ...shares,
  }
}
