import type { Placement } from '../schema/leaderboard.ts'
import { axisTitle } from './board.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

/**
 * A run between its nearest neighbours among published rows, best on top.
 * @param name what the run is called
 * @returns null where the run is not placed
 */
export function neighboursSpec(
  { placed, metric }: Placement,
  name: string,
  drawing: Drawing = WIDE,
): VegaLiteSpec | null {
  if (placed === null) return null
  const theirs = (rows: typeof placed.better) =>
    rows.map((n) => ({ label: n.model ?? n.id, value: n.value, whose: 'published' }))
  const rows = [
    ...theirs(placed.better),
    { label: `${name} (${placed.rank} of ${placed.of})`, value: placed.value, whose: 'this run' },
    ...theirs(placed.worse),
  ].map((row, order) => ({ ...row, order }))
  return {
    ...common(drawing, { neighbours: rows }),
    width: drawing.width,
    height: 24 * rows.length,
    data: { name: 'neighbours' },
    mark: { type: 'bar', tooltip: true, height: { band: 0.7 } },
    encoding: {
      y: {
        field: 'order',
        type: 'ordinal',
        axis: { title: null, labelExpr: labels(rows), labelLimit: 320 },
      },
      x: { field: 'value', type: 'quantitative', title: axisTitle(metric) },
      color: {
        field: 'whose',
        type: 'nominal',
        scale: { domain: ['published', 'this run'] },
        legend: null,
      },
    },
  }
}

/** Two rows may bear one name, so that rows stand by their order and only their labels by name. */
const labels = (rows: readonly { label: string }[]): string =>
  `${JSON.stringify(rows.map((r) => r.label))}[datum.value]`
