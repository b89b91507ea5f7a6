import type { Histogram } from './histogram.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

export interface DistributionTable {
  /** What is counted, with its unit, as the axis says it: "inter-token latency, ms". */
  readonly title: string
  /** What one count is: "requests", "gaps between tokens". */
  readonly of: string
  readonly histogram: Histogram
  /** Marked by a line each, such as `{ label: 'p50', value: 21.4 }`. */
  readonly marks: readonly { readonly label: string; readonly value: number }[]
}

/** How often each value came, in bins, with its percentiles as lines. */
export function distributionSpec(table: DistributionTable, drawing: Drawing = WIDE): VegaLiteSpec {
  const { bins } = table.histogram
  const low = bins[0]?.low ?? 0
  const high = bins.at(-1)?.high ?? 1
  const most = bins.reduce((a, b) => Math.max(a, b.count), 1)
  const marks = table.marks
    .filter((m) => m.value >= low && m.value <= high)
    .map((m, i) => ({
      value: m.value,
      label: `${m.label} ${short(m.value)}`,
      // One line of text each: percentiles of a steady server lie within a pixel of one another.
      y: 6 + 14 * i,
      right: (m.value - low) / (high - low) > 0.7,
    }))
  const x = { field: 'value', type: 'quantitative' as const }
  const y = { field: 'y', type: 'quantitative' as const, scale: null, axis: null }
  const label = (right: boolean) => ({
    data: { name: 'marks' },
    transform: [{ filter: `datum.right === ${right}` }],
    mark: {
      type: 'text' as const,
      style: 'label',
      align: right ? ('right' as const) : ('left' as const),
      dx: right ? -4 : 4,
    },
    encoding: { x, y, text: { field: 'label', type: 'nominal' as const } },
  })
  return {
    ...common(drawing, { bins: bins.map((b) => ({ ...b })), marks }),
    width: drawing.width,
    height: 170,
    layer: [
      {
        data: { name: 'bins' },
        params: [{ name: 'zoom', select: { type: 'interval', encodings: ['x'] }, bind: 'scales' }],
        mark: { type: 'bar', tooltip: true, clip: true },
        encoding: {
          x: {
            field: 'low',
            bin: { binned: true },
            type: 'quantitative',
            title: table.title,
            scale: { domain: [low, high], nice: false, zero: false },
          },
          x2: { field: 'high' },
          y: {
            field: 'count',
            type: 'quantitative',
            title: table.of,
            scale: { domain: [0, most * HEADROOM], nice: false },
          },
        },
      },
      {
        data: { name: 'marks' },
        mark: { type: 'rule', style: 'mark', clip: true },
        encoding: { x },
      },
      label(false),
      label(true),
    ],
  }
}

/** Room above the bars for three lines of labels. */
const HEADROOM = 1.36

const short = (value: number): string => String(Number(value.toPrecision(3)))
