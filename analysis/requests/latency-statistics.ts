import { metricOf, noMetric } from '../metric-value.ts'
import { STATISTICS, type Statistic } from '../schema/canon.ts'
import type { Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import { NS_PER_S, type Unit } from '../schema/units.ts'
import { blockBootstrap } from '../stats/block-bootstrap.ts'
import { type KeyedValues, keyValues, valuesAtRanks } from '../stats/keyed-values.ts'
import { mean, sampleSd } from '../stats/moments.ts'
import { orderInterval } from '../stats/order-interval.ts'
import { nearestRankOfSorted, percentileOfSorted } from '../stats/percentile.ts'
import type { GapList } from './latency-gaps.ts'
import type { Span } from './run-span.ts'

const FRACTIONS = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 } as const
type Percentile = keyof typeof FRACTIONS
const PERCENTILES = Object.keys(FRACTIONS) as Percentile[]
/** A percentile of fewer values says nothing about its tail. */
const FEWEST: Partial<Record<Statistic, number>> = { sd: 2, p99: 100, p999: 1000 }

interface Interval {
  readonly low: number | null
  readonly high: number | null
}
type Intervals = Partial<Record<Statistic, Interval>>
export type Statistics = Record<Statistic, MetricValue>

/**
 * Statistics of a list with one value a request: percentiles with their order-statistic intervals.
 * @param values in any order; empty: every statistic is null with `reason`
 */
export function requestStatistics(
  values: ArrayLike<number>,
  unit: Unit,
  reason: Reason,
  provenance: string,
): Statistics {
  const sorted = Float64Array.from(values).sort()
  const intervals: Intervals = {}
  for (const p of PERCENTILES) {
    const ranks = orderInterval(sorted.length, FRACTIONS[p])
    const at = (rank: number | null) => (rank === null ? null : (sorted[rank - 1] ?? null))
    intervals[p] = { low: at(ranks.low), high: at(ranks.high) }
  }
  const percentile = (p: Percentile) => percentileOfSorted(sorted, FRACTIONS[p]) as number
  return table(sorted, unit, reason, provenance, percentile, intervals)
}

/**
 * Percentiles of requests of which some failed: a failure counts as infinitely slow, by nearest rank, so that
 * dropping slow work can't help. One that falls on a failure is null, `failures_dominate`.
 * @param values infinite for a failure, in any order; empty: each is null with `reason`
 * Source: docs/metrics.md, "Latency".
 */
export function percentilesWithFailures(
  values: ArrayLike<number>,
  unit: Unit,
  reason: Reason,
): Partial<Statistics> {
  const sorted = Float64Array.from(values).sort()
  const n = sorted.length
  const finite = (x: number | null | undefined) => (x != null && Number.isFinite(x) ? x : null)
  const rows = PERCENTILES.map((p): [Percentile, MetricValue] => {
    if (n === 0) return [p, noMetric(unit, reason, 0)]
    if (n < (FEWEST[p] ?? 1)) return [p, noMetric(unit, 'n_too_small', n)]
    const value = finite(nearestRankOfSorted(sorted, FRACTIONS[p]))
    if (value === null) return [p, noMetric(unit, 'failures_dominate', n)]
    const { low, high } = orderInterval(n, FRACTIONS[p])
    const at = (rank: number | null) => (rank === null ? null : finite(sorted[rank - 1]))
    return [p, metricOf(unit, value, { low: at(low), high: at(high), n, provenance: 'client' })]
  })
  return Object.fromEntries(rows)
}

/**
 * Statistics of pooled gaps over the spans in which they were taken: percentiles with block-bootstrap intervals
 * over time, since the gaps of one engine step are one event; null intervals where time holds under ten blocks.
 */
export function gapStatistics(
  gaps: readonly (GapList & { readonly span: Span })[],
  provenance: string,
): Statistics {
  const values = concatenated(gaps.map((g) => g.gap_ms))
  const reason = gaps.find((g) => g.reason !== null)?.reason ?? 'no_requests'
  if (values.length === 0) return table(values, 'ms', reason, provenance, () => 0, {})
  const keyed = keyValues(values)
  const exact = exactPercentiles(keyed)
  const intervals = timeBlockIntervals(gaps, keyed, exact)
  return table(values, 'ms', reason, provenance, (p) => exact[p], intervals)
}

function table(
  values: Float64Array,
  unit: Unit,
  reason: Reason,
  provenance: string,
  percentile: (p: Percentile) => number,
  intervals: Intervals,
): Statistics {
  const n = values.length
  const compute: Record<Statistic, () => number> = {
    mean: () => mean(values) as number,
    sd: () => sampleSd(values) as number,
    min: () => extreme(values).min,
    max: () => extreme(values).max,
    p50: () => percentile('p50'),
    p90: () => percentile('p90'),
    p95: () => percentile('p95'),
    p99: () => percentile('p99'),
    p999: () => percentile('p999'),
  }
  const rows = STATISTICS.map((s): [Statistic, MetricValue] => {
    if (n === 0) return [s, noMetric(unit, reason, 0)]
    if (n < (FEWEST[s] ?? 1)) return [s, noMetric(unit, 'n_too_small', n)]
    return [s, metricOf(unit, compute[s](), { ...intervals[s], n, provenance })]
  })
  return Object.fromEntries(rows) as Statistics
}

function extreme(values: Float64Array): { min: number; max: number } {
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number
    if (v < min) min = v
    if (v > max) max = v
  }
  return { min, max }
}

/** Type 7 percentiles of a long list without sorting it. */
function exactPercentiles(keyed: KeyedValues): Record<Percentile, number> {
  const last = keyed.values.length - 1
  const ranks = PERCENTILES.flatMap((p) => {
    const below = Math.floor(FRACTIONS[p] * last)
    return [below, Math.min(below + 1, last)]
  })
  const found = valuesAtRanks(keyed, ranks)
  const rows = PERCENTILES.map((p, i) => {
    const rank = FRACTIONS[p] * last
    const [low, high] = [found[2 * i] as number, found[2 * i + 1] as number]
    return [p, low + (high - low) * (rank - Math.floor(rank))]
  })
  return Object.fromEntries(rows) as Record<Percentile, number>
}

const MOST_BLOCKS = 40
const FEWEST_BLOCKS = 10
/** A block must hold many engine steps, or neighbours would share one. */
const GAPS_PER_BLOCK = 20
const SHORTEST_BLOCK_NS = 0.25 * NS_PER_S

function timeBlockIntervals(
  gaps: readonly (GapList & { readonly span: Span })[],
  keyed: KeyedValues,
  exact: Record<Percentile, number>,
): Intervals {
  const seconds_ns = gaps.reduce((t, g) => t + g.span.end_ns - g.span.start_ns, 0)
  const shortest = Math.max(SHORTEST_BLOCK_NS, GAPS_PER_BLOCK * exact.p50 * 1e6)
  const blocks = Math.min(MOST_BLOCKS, Math.floor(seconds_ns / shortest))
  if (blocks < FEWEST_BLOCKS) return {}
  const width = seconds_ns / blocks
  const block = new Int32Array(keyed.values.length)
  let k = 0
  let before = 0
  for (const { t_ns, span } of gaps) {
    for (const t of t_ns)
      block[k++] = Math.min(blocks - 1, Math.floor((before + t - span.start_ns) / width))
    before += span.end_ns - span.start_ns
  }
  const found = blockBootstrap(
    keyed,
    block,
    blocks,
    PERCENTILES.map((p) => FRACTIONS[p]),
  )
  const rows = PERCENTILES.map((p, i) => {
    const { low, high } = found[i] as { low: number; high: number }
    return [p, { low: Math.min(low, exact[p]), high: Math.max(high, exact[p]) }]
  })
  return Object.fromEntries(rows) as Intervals
}

function concatenated(lists: readonly Float64Array[]): Float64Array {
  const [only] = lists
  if (lists.length === 1 && only) return only
  const out = new Float64Array(lists.reduce((n, l) => n + l.length, 0))
  let at = 0
  for (const list of lists) {
    out.set(list, at)
    at += list.length
  }
  return out
}
