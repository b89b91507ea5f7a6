import type { CostLedger } from '../schema/cost.ts'
import { common, type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

/** Which input the range of each total comes from: shares of its variance. null: no total has a range. */
export function sensitivitySpec(ledger: CostLedger, drawing: Drawing = WIDE): VegaLiteSpec | null {
  const rows = ledger.sensitivity.map((s) => ({
    total: s.total,
    term: s.term,
    share_pct: 100 * s.variance_share,
  }))
  if (rows.length === 0) return null
  return {
    ...common(drawing, { sensitivity: rows }),
    width: drawing.width,
    height: 22 * new Set(rows.map((r) => r.total)).size,
    data: { name: 'sensitivity' },
    mark: { type: 'bar', height: 13, tooltip: true },
    encoding: {
      y: {
        field: 'total',
        type: 'nominal',
        sort: null,
        title: null,
        axis: { domain: false, ticks: false },
      },
      x: {
        field: 'share_pct',
        type: 'quantitative',
        title: 'share of the variance, %',
        stack: 'zero',
        scale: { domain: [0, 100] },
      },
      color: { field: 'term', type: 'nominal', sort: null },
    },
  }
}
