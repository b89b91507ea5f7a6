import { distributionSpec } from './distribution.ts'
import { latencySpec, thinned } from './latency.ts'
import { ledgerSpec } from './ledger.ts'
import { powerSpec } from './power.ts'
import type { ReportTables } from './report-tables.ts'
import { type Drawing, type VegaLiteSpec, WIDE } from './spec.ts'

export const CHARTS = ['power', 'ttft', 'itl', 'ledger', 'latency'] as const
export type ChartName = (typeof CHARTS)[number]

/**
 * The charts of a run as Vega-Lite specs with their data inside: bare, in plain colours on white, unless another
 * drawing is asked for. A chart for which the run holds no data is absent.
 */
export function chartSpecs(
  tables: ReportTables,
  drawing: Drawing = WIDE,
): Partial<Record<ChartName, VegaLiteSpec>> {
  const { power, ttft, itl, ledger, latency } = tables
  return {
    ...(power && { power: powerSpec(power, drawing) }),
    ...(ttft && { ttft: distributionSpec(ttft, drawing) }),
    ...(itl && { itl: distributionSpec(itl, drawing) }),
    ...(ledger && { ledger: ledgerSpec(ledger, drawing) }),
    ...(latency && { latency: latencySpec(thinned(latency), drawing) }),
  }
}
