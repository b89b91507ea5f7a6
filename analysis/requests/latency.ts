import { noMetric } from '../metric-value.ts'
import type { RunData } from '../readings/run-data.ts'
import { CANON, type CanonMetric, type Statistic, summaryKeys } from '../schema/canon.ts'
import type { Reason } from '../schema/reason.ts'
import type { MetricValue } from '../schema/summary.ts'
import { isClosedLoop, runWindow, type Window } from '../window.ts'
import { type Answer, answersOf } from './answer.ts'
import { completedWithin, failedWithin } from './ended-within.ts'
import { type GapList, type Gaps, gapsWithin } from './latency-gaps.ts'
import {
  gapStatistics,
  percentilesWithFailures,
  requestStatistics,
  type Statistics,
} from './latency-statistics.ts'
import { type LatencyOf, requestLatencies, WITH_FAILURES } from './latency-values.ts'
import type { Span } from './run-span.ts'

/** What is given of other windows than the summary's own, too. */
const VARIANTS = {
  requests: ['ttft_ms', 'tpot_ms', 'e2e_ms'],
  statistics: ['p50', 'p90', 'p95', 'p99'],
} as const

/**
 * Every latency distribution of the canon over a window, by `ID_STATISTIC`, in ms (user speed in token/s), and the
 * main percentiles `@run` and `@steady`, whatever the summary's own window is.
 * Request metrics take the requests completed in the window, each with its whole latency; gap lists take the gaps
 * that closed within it. What can't be had is null with the reason most of its requests give.
 * Source: docs/metrics.md, "Latency".
 */
export function latencyMetrics(
  run: RunData,
  window: Window | null,
  answers: readonly Answer[] = answersOf(run),
): Record<string, MetricValue> {
  const own = window === null ? withoutWindow() : pooled([{ run, window, answers }])
  const steady = window !== null && window.rule !== 'run' ? window : null
  const at = (name: string, w: Window | null) => variant(run, answers, name, w, { window, own })
  return { ...own, ...at('run', runWindow(run, answers)), ...at('steady', steady) }
}

/** The main percentiles over a window, as `KEY@NAME`. */
function variant(
  run: RunData,
  answers: readonly Answer[],
  name: string,
  window: Window | null,
  known: { readonly window: Window | null; readonly own: Readonly<Record<string, MetricValue>> },
): Record<string, MetricValue> {
  const ids = [...VARIANTS.requests, 'itl_ms'] as const
  const rows = (of: (id: (typeof ids)[number], s: Statistic) => MetricValue | undefined) =>
    Object.fromEntries(
      ids.flatMap((id) =>
        VARIANTS.statistics.map((s) => [
          `${id}_${s}@${name}`,
          of(id, s) ?? noMetric('ms', 'no_window'),
        ]),
      ),
    )
  if (window === null) return rows(() => undefined)
  const { window: w, own } = known
  const same = w !== null && w.start_ns === window.start_ns && w.end_ns === window.end_ns
  if (same) return rows((id, s) => own[`${id}_${s}`])
  const parts = [partOf({ run, window, answers })]
  const found = {
    ...Object.fromEntries(VARIANTS.requests.map((id) => [id, ofRequests(id, parts)])),
    itl_ms: interToken(parts, null),
  } as Record<(typeof ids)[number], Statistics>
  return rows((id, s) => found[id][s])
}

/**
 * The same over several runs: values are pooled before statistics are taken, never averaged after.
 * Runs without window give none. Source: docs/metrics.md, "Late aggregation".
 */
export function pooledLatencyOf(
  parts: readonly { readonly run: RunData; readonly window: Window | null }[],
): Record<string, MetricValue> {
  const counted = parts.flatMap(({ run, window }) =>
    window === null ? [] : [{ run, window, answers: answersOf(run) }],
  )
  return counted.length === 0 ? withoutWindow() : pooled(counted)
}

interface Counted {
  readonly run: RunData
  readonly window: Window
  readonly answers: readonly Answer[]
}

interface Part {
  readonly completed: readonly Answer[]
  /** How many failed, and whether the load had a schedule that they missed. */
  readonly failed: number
  readonly scheduled: boolean
  readonly gaps: Gaps
  readonly span: Span
  readonly latencies: Record<string, LatencyOf>
}

const partOf = ({ run, window, answers }: Counted): Part => {
  const scheduled = !isClosedLoop(run)
  return {
    completed: completedWithin(answers, window),
    failed: failedWithin(answers, window).length,
    scheduled,
    gaps: gapsWithin(answers, window),
    span: window,
    latencies: requestLatencies(scheduled),
  }
}

function pooled(runs: readonly Counted[]): Record<string, MetricValue> {
  const parts = runs.map(partOf)
  const out: Record<string, MetricValue> = {}
  const put = (id: string, statistics: Partial<Statistics>) => {
    for (const [s, value] of Object.entries(statistics)) out[`${id}_${s}`] = value
  }
  for (const id of Object.keys(requestLatencies(true))) put(id, ofRequests(id, parts))
  for (const id of WITH_FAILURES) put(`${id}_with_failures`, ofAll(id, parts))
  const list = (of: (g: Gaps) => GapList) => parts.map((p) => ({ ...of(p.gaps), span: p.span }))
  const icl = gapStatistics(
    list((g) => g.icl),
    'client',
  )
  put('icl_ms', icl)
  put('itl_ms', interToken(parts, icl))
  put(
    'itl_trimmed_ms',
    gapStatistics(
      list((g) => g.trimmed),
      'client',
    ),
  )
  return out
}

function ofRequests(id: string, parts: readonly Part[]): Statistics {
  const { values, reason } = valuesOf(id, parts)
  const unit = (CANON as Record<string, CanonMetric>)[id]?.unit ?? 'ms'
  const provenance = id === 'queue_time_ms' ? 'engine' : 'client'
  return requestStatistics(values, unit, reason ?? 'no_requests', provenance)
}

/** Failures too, as infinite, unless every success lacks the value: then so does a failure. */
function ofAll(id: (typeof WITH_FAILURES)[number], parts: readonly Part[]): Partial<Statistics> {
  const { values, reason } = valuesOf(id, parts)
  const missed = parts.filter((p) => p.scheduled || !id.includes('_sched_'))
  if (missed.length === 0) return percentilesWithFailures([], 'ms', 'not_recorded')
  const failed = missed.reduce((n, p) => n + p.failed, 0)
  const never = values.length === 0 && reason !== null
  const all = never ? [] : [...values, ...new Array<number>(failed).fill(Number.POSITIVE_INFINITY)]
  return percentilesWithFailures(all, 'ms', reason ?? 'no_requests')
}

/** One value a completed request, and the reason that most of those without one give. */
function valuesOf(
  id: string,
  parts: readonly Part[],
): { readonly values: readonly number[]; readonly reason: Reason | null } {
  const values: number[] = []
  const reasons = new Map<Reason, number>()
  for (const part of parts)
    for (const a of part.completed) {
      const value = part.latencies[id]?.(a) ?? 'not_recorded'
      if (typeof value === 'number') values.push(value)
      else reasons.set(value, (reasons.get(value) ?? 0) + 1)
    }
  const [commonest] = [...reasons].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return { values, reason: commonest?.[0] ?? null }
}

/**
 * Where some chunk's tokens are unknown its whole gap stands in, and the provenance says so.
 * @param icl statistics of the gaps between chunks, where they are known: often the same
 */
function interToken(parts: readonly Part[], icl: Statistics | null): Statistics {
  const by_chunk = parts.some((p) => p.gaps.by_chunk)
  if (icl !== null && !by_chunk && parts.every((p) => p.gaps.itl === p.gaps.icl)) return icl
  const lists = parts.map((p) => ({ ...p.gaps.itl, span: p.span }))
  return gapStatistics(lists, by_chunk ? 'chunk_gaps' : 'client')
}

function withoutWindow(): Record<string, MetricValue> {
  const rows = Object.entries(CANON as Record<string, CanonMetric>)
    .filter(([, row]) => row.section === 'latency')
    .flatMap(([id, row]) => summaryKeys(id, row).map((k) => [k, noMetric(row.unit, 'no_window')]))
  return Object.fromEntries(rows)
}
