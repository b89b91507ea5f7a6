import type { TotalsRow } from '../../../analysis/cost/totals.ts'

/** 2026-07-14T10:00:00Z. */
export const AT_MS = Date.UTC(2026, 6, 14, 10)
export const UJ_PER_KWH = 3.6e12

/** An hour of one GPU that drew a kilowatt hour. */
export const rowOf = (more: Partial<TotalsRow> = {}): TotalsRow => ({
  run_id: 'r1',
  part: 'measured',
  from_ms: AT_MS,
  to_ms: AT_MS + 3_600_000,
  duration_ms: 3_600_000,
  it_uj: UJ_PER_KWH,
  estimated_uj: 0,
  gpus: 1,
  u: 0.05,
  keys: { model: 'm', host: 'h', team: 'a' },
  host: 'h',
  site: null,
  ...more,
})
