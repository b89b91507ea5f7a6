import type { BestHours } from '../schema/cost-hours.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

/** What the run would have emitted and paid at each start, the best of each marked. */
export function hoursSpec(hours: BestHours, drawing: Drawing = WIDE): VegaLiteSpec | null {
  const kinds = [
    ['carbon_g', 'emissions, g', hours.cleanest],
    ['money', `energy, ${hours.currency}`, hours.cheapest],
  ] as const
  const rows = kinds.flatMap(([key, measure]) =>
    hours.starts.flatMap(({ from, [key]: value }) =>
      value === null ? [] : [{ measure, from, value }],
    ),
  )
  if (rows.length === 0) return null
  const best = kinds.flatMap(([key, measure, start]) =>
    start === null || start[key] === null ? [] : [{ measure, from: start.from, value: start[key] }],
  )
  const x = {
    field: 'from',
    type: 'temporal' as const,
    title: 'start of the run, UTC',
    scale: { type: 'utc' as const },
  }
  const y = { field: 'value', type: 'quantitative' as const, title: null, scale: { zero: false } }
  return {
    ...common(drawing, { hours: rows, best }),
    width: drawing.width,
    height: 180,
    layer: [
      {
        data: { name: 'hours' },
        mark: { type: 'line', interpolate: 'step-after' },
        encoding: { x, y, color: { field: 'measure', type: 'nominal', sort: null } },
      },
      {
        data: { name: 'best' },
        mark: { type: 'point', filled: true, size: 60, tooltip: true },
        encoding: { x, y, color: { field: 'measure', type: 'nominal', sort: null } },
      },
    ],
  }
}
