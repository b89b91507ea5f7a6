import type { Reason } from './schema/reason.ts'
import type { MetricValue } from './schema/summary.ts'
import type { Unit } from './schema/units.ts'

/** What beside value and unit a metric of the token side carries; an interval without a part common to all runs. */
export interface Beside {
  readonly low?: number | null
  readonly high?: number | null
  readonly n?: number | null
  readonly provenance?: string | null
}

/** A known value. Its repeatable range equals the whole one: clocks and counts share no sensor's gain. */
export function metricOf(unit: Unit, value: number, beside: Beside = {}): MetricValue {
  const low = beside.low ?? null
  const high = beside.high ?? null
  return {
    value,
    unit,
    low,
    high,
    repeat_low: low,
    repeat_high: high,
    n: beside.n ?? null,
    reason: null,
    provenance: beside.provenance ?? null,
  }
}

/** A value that can't be had, and why. */
export function noMetric(unit: Unit, reason: Reason, n: number | null = null): MetricValue {
  return {
    value: null,
    unit,
    low: null,
    high: null,
    repeat_low: null,
    repeat_high: null,
    n,
    reason,
    provenance: null,
  }
}
