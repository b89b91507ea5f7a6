import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

export interface LatencyPoint {
  readonly output_tokens: number
  readonly e2e_ms: number
  /** Seconds from the start of the run to sending. */
  readonly sent_s: number
  readonly outcome: 'answered' | 'failed'
}

/** Drawn at most; more would be a black cloud and a heavy page. */
export const MOST_POINTS = 2_000

/**
 * Every k-th point in the order given, so that the same run always draws the same picture.
 * Failed ones are few and matter, so they are kept first.
 */
export function thinned(points: readonly LatencyPoint[], most = MOST_POINTS): LatencyPoint[] {
  if (points.length <= most) return [...points]
  const failed = every(
    points.filter((p) => p.outcome === 'failed'),
    Math.floor(most / 2),
  )
  const answered = every(
    points.filter((p) => p.outcome === 'answered'),
    most - failed.length,
  )
  return [...answered, ...failed]
}

function every<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items]
  return Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)] as T)
}

/** What the horizontal axis shows: lengths that are all equal say nothing, so then the time of sending. */
export function latencyAxis(points: readonly LatencyPoint[]): 'output_tokens' | 'sent_s' {
  const first = points[0]?.output_tokens
  return points.every((p) => p.output_tokens === first) ? 'sent_s' : 'output_tokens'
}

/** The values' span with 3 % of it on either side, but not below zero. */
function around(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const margin = 0.03 * (high - low) || 1
  return [Math.max(0, low - margin), high + margin]
}

/** End-to-end latency of each request against its answer's length, or against time where lengths are equal. */
export function latencySpec(
  points: readonly LatencyPoint[],
  drawing: Drawing = WIDE,
): VegaLiteSpec {
  const axis = latencyAxis(points)
  const title =
    axis === 'sent_s' ? 'sent, seconds from the start of the run' : 'output tokens of the request'
  const failures = points.some((p) => p.outcome === 'failed')
  return {
    ...common(drawing, { points: points.map((p) => ({ ...p })) }),
    width: drawing.width,
    height: 220,
    data: { name: 'points' },
    params: [{ name: 'zoom', select: 'interval', bind: 'scales' }],
    mark: { type: 'point', size: 16, strokeWidth: 1, opacity: 0.65, tooltip: true, clip: true },
    encoding: {
      x: {
        field: axis,
        type: 'quantitative',
        title,
        scale: { domain: around(points.map((p) => p[axis])), nice: false },
      },
      y: { field: 'e2e_ms', type: 'quantitative', title: 'end-to-end latency, ms' },
      color: {
        field: 'outcome',
        type: 'nominal',
        scale: { domain: ['answered', 'failed'] },
        ...(failures ? {} : { legend: null }),
      },
      shape: {
        field: 'outcome',
        type: 'nominal',
        scale: { domain: ['answered', 'failed'], range: ['circle', 'cross'] },
        ...(failures ? {} : { legend: null }),
      },
    },
  }
}
