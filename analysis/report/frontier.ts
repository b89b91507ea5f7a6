import type { Pareto, ParetoPoint } from '../schema/choosing.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

/** Drawn at most; more would be a black cloud and a heavy page. What may lie on a frontier is always drawn. */
const MOST_DRAWN = 2_000

/** Every k-th of the points that are on no frontier, so that the same answer always draws the same picture. */
export function drawnPoints(points: readonly ParetoPoint[], most = MOST_DRAWN): ParetoPoint[] {
  const matters = (p: ParetoPoint) => p.frontier || (p.certainty ?? 'none') !== 'none'
  const rest = points.filter((p) => !matters(p))
  const room = Math.max(0, most - (points.length - rest.length))
  const kept = new Set(
    rest.length <= room
      ? rest
      : Array.from({ length: room }, (_, i) => rest[Math.floor((i * rest.length) / room)]),
  )
  return points.filter((p) => matters(p) || kept.has(p))
}

const CERTAINTY_WORDS = {
  certain: 'on the frontier',
  possible: 'perhaps on it',
  none: 'not on it',
} as const
const WORDS = Object.values(CERTAINTY_WORDS)

/** Rows of a frontier's chart: the points, and the corners of the steps of each group. */
export function frontierRows({ points, objectives }: Pareto) {
  const [x, y] = objectives
  const end = (p: ParetoPoint, metric: string | undefined, side: 'low' | 'high') =>
    p.values[metric ?? '']?.[side] ?? null
  return {
    points: drawnPoints(points).map((p) => ({
      id: p.id,
      name: p.name ?? '',
      model: p.model ?? '',
      gpu_model: p.gpu_model ?? '',
      num_gpus: p.num_gpus,
      batch_limit: p.batch_limit,
      x: p.x,
      y: p.y,
      x_low: end(p, x?.metric, 'low'),
      x_high: end(p, x?.metric, 'high'),
      y_low: end(p, y?.metric, 'low'),
      y_high: end(p, y?.metric, 'high'),
      // How sure it is that a point without a range lies there is not known: it is drawn as measured.
      certainty: CERTAINTY_WORDS[p.certainty ?? (p.frontier ? 'certain' : 'none')],
      share: p.frontier_share,
      group: p.group,
    })),
    // Of three objectives the frontier is a surface: no line joins its points.
    steps:
      objectives.length === 2
        ? points.filter((p) => p.frontier).map(({ x, y, group }) => ({ x, y, group }))
        : [],
  }
}

/**
 * Points and their frontier, drawn as steps: between two configurations nothing was measured, so what a limit between
 * them allows is the one that keeps it. Colour and shape tell which points are on it for certain, and which perhaps.
 */
export function frontierSpec(answer: Pareto, drawing: Drawing = WIDE): VegaLiteSpec {
  const [x, y] = answer.objectives
  const { points, steps } = frontierRows(answer)
  const axis = (o: typeof x) => ({
    title: `${o?.title ?? ''}, ${o?.unit ?? ''}`,
    scale: { zero: false },
  })
  const xs = { field: 'x', type: 'quantitative' as const, ...axis(x) }
  const ys = { field: 'y', type: 'quantitative' as const, ...axis(y) }
  const rule = { type: 'rule' as const, opacity: 0.4, clip: true }
  return {
    ...common(drawing, { points, steps }),
    width: drawing.width,
    height: 300,
    layer: [
      {
        data: { name: 'steps' },
        mark: {
          type: 'line',
          // The best that a limit on x allows stays the best until the next point keeps it too.
          interpolate: x?.direction === 'max' ? 'step-before' : 'step-after',
          style: 'frontier',
          clip: true,
        },
        encoding: { x: xs, y: ys, detail: { field: 'group', type: 'nominal' } },
      },
      {
        data: { name: 'points' },
        transform: [{ filter: 'datum.y_low !== null && datum.y_high !== null' }],
        mark: rule,
        encoding: { x: xs, y: { ...ys, field: 'y_low' }, y2: { field: 'y_high' } },
      },
      {
        data: { name: 'points' },
        transform: [{ filter: 'datum.x_low !== null && datum.x_high !== null' }],
        mark: rule,
        encoding: { x: { ...xs, field: 'x_low' }, x2: { field: 'x_high' }, y: ys },
      },
      {
        data: { name: 'points' },
        params: [{ name: 'zoom', select: 'interval', bind: 'scales' }],
        mark: {
          type: 'point',
          size: 42,
          filled: true,
          opacity: 0.9,
          tooltip: { content: 'data' },
          clip: true,
        },
        encoding: {
          x: xs,
          y: ys,
          color: { field: 'certainty', type: 'nominal', scale: { domain: WORDS } },
          shape: {
            field: 'certainty',
            type: 'nominal',
            scale: { domain: WORDS, range: ['circle', 'diamond', 'cross'] },
          },
        },
      },
    ],
  }
}
