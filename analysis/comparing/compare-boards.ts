import { precisionName, shortGpuName } from '../schema/alike-names.ts'
import { ALIKE_FACTS } from '../schema/fact.ts'
import type { BoardComparison, BoardRow, ComparedMetric } from '../schema/leaderboard.ts'
import { resultMetricOf } from '../schema/result-metric.ts'
import { mean } from '../stats/moments.ts'
import { percentile } from '../stats/percentile.ts'

/** One side of a comparison: what it is called, and its rows. */
export interface BoardSide {
  readonly label: string
  readonly rows: readonly BoardRow[]
}

/** What two rows must have in common to be compared. GPUs and precisions by the names under which they are alike. */
const KEY: Readonly<Record<string, (r: BoardRow) => unknown>> = {
  ...Object.fromEntries(ALIKE_FACTS.map((f) => [f, (r: BoardRow) => r[f]])),
  gpu_model: (r) => shortGpuName(r.gpu_model),
  precision: (r) => precisionName(r.precision),
  setup: (r) => r.setup,
}
const KEY_FIELDS = Object.keys(KEY)

/**
 * Two boards, or two dates or GPUs of one, configuration by configuration: rows that agree in everything but what the
 * sides were chosen by. Replicates count by their mean, and as noise where the sides' replicates overlap. Rows that are
 * not valid are left out and counted.
 * @param differing what the sides were chosen by; no part of what must agree
 * Source: docs/leaderboard.md, "Comparing".
 */
export function compareBoards(
  a: BoardSide,
  b: BoardSide,
  differing: ReadonlySet<string>,
): BoardComparison {
  const matched_on = KEY_FIELDS.filter((f) => !differing.has(f))
  const [left, right] = [a, b].map((side) =>
    byKey(
      side.rows.filter((r) => r.valid),
      matched_on,
    ),
  )
  const pairs = [...(left as Groups)].flatMap(([key, one]) => {
    const other = right?.get(key)
    return other === undefined ? [] : [{ one, other }]
  })
  const ids = new Set([...a.rows, ...b.rows].flatMap((r) => Object.keys(r.metrics)))
  const metrics: Record<string, ComparedMetric> = {}
  for (const id of ids) {
    const compared = compareOne(id, pairs)
    if (compared !== null) metrics[id] = compared
  }
  const side = ({ label, rows }: BoardSide, groups: Groups | undefined) => ({
    label,
    rows: rows.length,
    invalid: rows.filter((r) => !r.valid).length,
    configurations: groups?.size ?? 0,
    unmatched: (groups?.size ?? 0) - pairs.length,
  })
  return { a: side(a, left), b: side(b, right), matched_on, pairs: pairs.length, metrics }
}

type Groups = Map<string, readonly BoardRow[]>
interface Pair {
  readonly one: readonly BoardRow[]
  readonly other: readonly BoardRow[]
}

function byKey(rows: readonly BoardRow[], fields: readonly string[]): Groups {
  const groups = new Map<string, BoardRow[]>()
  for (const row of rows) {
    const key = JSON.stringify(fields.map((f) => KEY[f]?.(row)))
    const known = groups.get(key)
    if (known) known.push(row)
    else groups.set(key, [row])
  }
  return groups
}

/** null where no pair has a value on both sides over one window. */
function compareOne(id: string, pairs: readonly Pair[]): ComparedMetric | null {
  const row = resultMetricOf(id)
  if (row === undefined) return null
  const found = pairs.flatMap(({ one, other }) => {
    const [a, b] = [valuesOf(one, id), valuesOf(other, id)]
    if (a === null || b === null || a.window !== b.window || a.mean === 0) return []
    const overlap = a.n + b.n > 2 && a.low <= b.high && b.low <= a.high
    return [{ a, b, ratio: b.mean / a.mean, within_noise: overlap, of: one[0] as BoardRow }]
  })
  if (found.length === 0) return null
  const ratios = found.map((f) => f.ratio)
  const sign = row.better === 'high' ? -1 : 1
  const wins = (s: 1 | -1) =>
    row.better === null
      ? null
      : found.filter((f) => !f.within_noise && s * sign * (f.b.mean - f.a.mean) > 0).length
  const logs = ratios.every((r) => r > 0) ? mean(ratios.map(Math.log)) : null
  return {
    unit: row.unit,
    better: row.better,
    pairs: found.length,
    a_better: wins(1),
    b_better: wins(-1),
    within_noise: found.filter((f) => f.within_noise).length,
    ratio: {
      geometric_mean: logs === null ? null : Math.exp(logs),
      min: Math.min(...ratios),
      p50: percentile(ratios, 0.5) as number,
      max: Math.max(...ratios),
    },
    rows: found.map(({ a, b, ratio, within_noise, of }) => ({
      task: of.task,
      model: of.model,
      gpu_model: of.gpu_model,
      num_gpus: of.num_gpus,
      precision: of.precision,
      batch_limit: of.batch_limit,
      a: a.mean,
      b: b.mean,
      n_a: a.n,
      n_b: b.n,
      ratio,
      within_noise,
    })),
  }
}

/** null where no row has a value, or rows count it over unlike windows. */
function valuesOf(rows: readonly BoardRow[], id: string) {
  const found = rows.flatMap((r) => {
    const m = r.metrics[id]
    return m == null || m.value === null ? [] : [{ value: m.value, window: m.window }]
  })
  const [first] = found
  if (first === undefined || found.some((f) => f.window !== first.window)) return null
  const values = found.map((f) => f.value)
  return {
    mean: mean(values) as number,
    low: Math.min(...values),
    high: Math.max(...values),
    n: values.length,
    window: first.window,
  }
}
