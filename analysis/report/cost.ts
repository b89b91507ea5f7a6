import { type CostLedger, LINES, type LineGroup, type LineId } from '../schema/cost.ts'
import { common, type Drawing, type Rows, type VegaLiteSpec, WIDE } from './spec.ts'

export const COST_CHARTS = ['money', 'carbon', 'water'] as const
export type CostChart = (typeof COST_CHARTS)[number]

const GROUPS: Record<CostChart, readonly LineGroup[]> = {
  money: ['money'],
  carbon: ['carbon_lb', 'carbon_mb', 'embodied'],
  water: ['water'],
}

/** The lines of one chart that have a value, in the order of the ledger. */
export function costRows(ledger: CostLedger, chart: CostChart): Rows {
  return ledger.lines.flatMap((line) => {
    if (line.amount === null || !GROUPS[chart].includes(line.group)) return []
    const { low, value, high } = line.amount
    return [{ line: LINES[line.id as LineId].title, unit: line.unit, low, value, high }]
  })
}

/** Lines of a ledger as bars with their 95 % ranges; those of location and market are two answers, side by side. */
export function costSpec(
  ledger: CostLedger,
  chart: CostChart,
  drawing: Drawing = WIDE,
): VegaLiteSpec | null {
  const rows = costRows(ledger, chart)
  const [first] = rows
  if (first === undefined) return null
  // Drawn without a canvas, where a character is taken as wide as it can be.
  const y = {
    field: 'line',
    type: 'nominal' as const,
    sort: null,
    title: null,
    axis: { domain: false, ticks: false, labelLimit: drawing.width > 500 ? 270 : 120 },
  }
  return {
    ...common(drawing, { [chart]: rows }),
    width: drawing.width,
    height: 22 * rows.length,
    data: { name: chart },
    ...(ledger.attribution.length > 0 && chart === 'carbon'
      ? {
          title: {
            text: ledger.attribution.join('; '),
            fontSize: 10,
            fontWeight: 'normal',
            color: drawing.palette.faint,
            anchor: 'end',
            orient: 'bottom',
          },
        }
      : {}),
    layer: [
      {
        mark: { type: 'bar', height: 13, tooltip: true },
        encoding: {
          y,
          x: { field: 'value', type: 'quantitative', title: `${TITLES[chart]}, ${first['unit']}` },
        },
      },
      {
        mark: { type: 'rule', style: 'mark' },
        encoding: {
          y,
          x: { field: 'low', type: 'quantitative' },
          x2: { field: 'high' },
        },
      },
    ],
  }
}

const TITLES: Record<CostChart, string> = {
  money: 'cost',
  carbon: 'emissions',
  water: 'water',
}

/** Every chart of a ledger for which it has lines. */
export function costSpecs(
  ledger: CostLedger,
  drawing: Drawing = WIDE,
): Partial<Record<CostChart, VegaLiteSpec>> {
  return Object.fromEntries(
    COST_CHARTS.flatMap((chart) => {
      const spec = costSpec(ledger, chart, drawing)
      return spec === null ? [] : [[chart, spec]]
    }),
  )
}
