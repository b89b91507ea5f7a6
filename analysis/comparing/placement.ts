import { precisionName, shortGpuName } from '../schema/alike-names.ts'
import type { Neighbour, Placement } from '../schema/leaderboard.ts'
import { resultMetricOf } from '../schema/result-metric.ts'

/** A row among which another is placed. */
export interface BoardValue {
  readonly id: string
  readonly model: string | null
  readonly value: number
  readonly window: string | null
}

/** A run of ours with the number by which it is placed. */
export interface OwnRun {
  readonly task: string | null
  readonly gpu_model: string | null
  readonly precision: string | null
  readonly valid: boolean
  /** The metric over a window, or null where the run has none there. */
  value(
    window: string | null,
  ): { value: number | null; low: number | null; high: number | null } | null
}

/** So many nearest rows are named on either side. */
const NEIGHBOURS = 2

/**
 * Where a run of ours stands among published rows of the same task, GPU and precision, all counted over one window.
 * `percentile`: 100 × (worse rows + half of the equal ones) / rows, so that 100 is better than all. `low` and `high`
 * of it come from the run's own 95 % range.
 * @param rows the valid rows of that place; @param metric what is compared
 * @returns placed: null with a reason where like can't be told with like
 * Source: docs/leaderboard.md, "Placing a run".
 */
export function placement(run: OwnRun, rows: readonly BoardValue[], metric: string): Placement {
  const group = {
    task: run.task,
    gpu_model: shortGpuName(run.gpu_model),
    precision: precisionName(run.precision),
  }
  const none = (reason: Placement['reason']): Placement => ({ placed: null, reason, group, metric })
  const better = resultMetricOf(metric)?.better ?? null
  if (better === null) return none('metric_not_ranked')
  if (!run.valid) return none('invalid')
  if (group.task === null) return none('task_unknown')
  if (group.gpu_model === null) return none('gpu_unknown')
  if (group.precision === null) return none('precision_unknown')
  if (rows.length === 0) return none('no_comparable_results')
  const windows = [...new Set(rows.map((r) => r.window))]
  const window = windows.find((w) => run.value(w)?.value != null)
  const own = window === undefined ? null : run.value(window)
  if (window === undefined || own === null || own.value === null) return none('window_mismatch')
  const like = rows.filter((r) => r.window === window)
  const sign = better === 'low' ? 1 : -1
  const place = (v: number) => {
    const worse = like.filter((r) => sign * (r.value - v) > 0).length
    const equal = like.filter((r) => r.value === v).length
    return { worse, equal, percentile: (100 * (worse + equal / 2)) / like.length }
  }
  const { worse, equal, percentile } = place(own.value)
  const ends = [own.low, own.high].flatMap((v) => (v === null ? [] : [place(v).percentile]))
  const value = own.value
  const ordered = [...like].sort((a, b) => sign * (a.value - b.value) || (a.id < b.id ? -1 : 1))
  const name = (r: BoardValue): Neighbour => ({
    id: r.id,
    model: r.model,
    value: r.value,
    ratio: value === 0 ? null : r.value / value,
  })
  const before = ordered.filter((r) => sign * (r.value - value) < 0)
  const behind = ordered.filter((r) => sign * (r.value - value) >= 0)
  return {
    placed: {
      value,
      window,
      rank: like.length - worse - equal + 1,
      of: like.length + 1,
      percentile,
      low: ends.length === 2 ? Math.min(...ends) : null,
      high: ends.length === 2 ? Math.max(...ends) : null,
      better: before.slice(-NEIGHBOURS).map(name),
      worse: behind.slice(0, NEIGHBOURS).map(name),
    },
    reason: null,
    group,
    metric,
  }
}
