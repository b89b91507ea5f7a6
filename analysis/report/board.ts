import type { BoardRow } from '../schema/leaderboard.ts'
import { resultMetricOf } from '../schema/result-metric.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

/** Drawn at most, in the order given. */
const MOST_ROWS = 3_000

/**
 * Rows of the leaderboard, one metric against another: runs of ours stand out by shape, GPUs by colour. Rows without
 * one of both values are not drawn; rows that are not valid are hollow.
 */
export function boardSpec(
  rows: readonly BoardRow[],
  x: string,
  y: string,
  drawing: Drawing = WIDE,
): VegaLiteSpec {
  const points = rows.flatMap((r) => {
    const [across, up] = [r.metrics[x]?.value ?? null, r.metrics[y]?.value ?? null]
    if (across === null || up === null) return []
    return [
      {
        id: r.id,
        x: across,
        y: up,
        model: r.name ?? r.model,
        gpu: r.gpu_model,
        num_gpus: r.num_gpus,
        precision: r.precision,
        batch_limit: r.batch_limit,
        whose: r.source === 'local' ? 'measured here' : r.source,
        validity: r.valid ? 'valid' : 'not valid',
      },
    ]
  })
  return {
    ...common(drawing, { board: points.slice(0, MOST_ROWS) }),
    width: drawing.width,
    height: 320,
    data: { name: 'board' },
    params: [{ name: 'zoom', select: 'interval', bind: 'scales' }],
    mark: { type: 'point', filled: true, size: 40, tooltip: true, clip: true },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: axisTitle(x), scale: { zero: false } },
      y: { field: 'y', type: 'quantitative', title: axisTitle(y), scale: { type: 'log' } },
      color: { field: 'gpu', type: 'nominal', title: 'GPU' },
      shape: { field: 'whose', type: 'nominal', title: null },
      opacity: { condition: { test: "datum.validity === 'valid'", value: 0.8 }, value: 0.2 },
    },
  }
}

/** `energy per output token, J/token`; of a distribution with its statistic. */
export function axisTitle(metric: string): string {
  const row = resultMetricOf(metric)
  if (row === undefined) return metric
  const base = metric.split('@')[0] ?? metric
  const statistic = row.kind === 'distribution' ? ` ${base.slice(base.lastIndexOf('_') + 1)}` : ''
  return `${row.title}${statistic}${row.unit === '1' ? '' : `, ${row.unit}`}`
}
