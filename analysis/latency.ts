import { type Answer, answersOf } from './answer.ts'
import { type GapList, type Gaps, gapsWithin } from './latency-gaps.ts'
import { gapStatistics, requestStatistics, type Statistics } from './latency-statistics.ts'
import { type LatencyOf, requestLatencies } from './latency-values.ts'
import { noMetric } from './metric-value.ts'
import type { RunData } from './run-data.ts'
import type { Span } from './run-span.ts'
import { CANON, type CanonMetric, STATISTICS } from './schema/canon.ts'
import type { Reason } from './schema/reason.ts'
import type { MetricValue } from './schema/summary.ts'
import { isClosedLoop, type Window } from './window.ts'

/**
 * Every latency distribution of the canon over a window, by `ID_STATISTIC`, in ms (user speed in token/s).
 * Request metrics take the requests completed in the window, each with its whole latency; gap lists take the gaps
 * that closed within it. What can't be had is null with the reason most of its requests give.
 * Source: docs/metrics.md, "Latency".
 */
export function latencyMetrics(
  run: RunData,
  window: Window | null,
  answers: readonly Answer[] = answersOf(run),
): Record<string, MetricValue> {
  if (window === null) return withoutWindow()
  return pooled([{ run, window, answers }])
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

/** Measured requests that succeeded and whose last token arrived in the span (left-open, right-closed). */
export function completedWithin(answers: readonly Answer[], span: Span): Answer[] {
  return answers.filter(
    (a) => a.measured && a.succeeded && a.end_ns > span.start_ns && a.end_ns <= span.end_ns,
  )
}

interface Part {
  readonly completed: readonly Answer[]
  readonly gaps: Gaps
  readonly span: Span
  readonly latencies: Record<string, LatencyOf>
}

function pooled(
  runs: readonly {
    readonly run: RunData
    readonly window: Window
    readonly answers: readonly Answer[]
  }[],
): Record<string, MetricValue> {
  const parts = runs.map(({ run, window, answers }): Part => {
    return {
      completed: completedWithin(answers, window),
      gaps: gapsWithin(answers, window),
      span: window,
      latencies: requestLatencies(!isClosedLoop(run)),
    }
  })
  const out: Record<string, MetricValue> = {}
  const put = (id: string, statistics: Statistics) => {
    for (const s of STATISTICS) out[`${id}_${s}`] = statistics[s]
  }
  for (const id of Object.keys(requestLatencies(true))) put(id, ofRequests(id, parts))
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
  const values: number[] = []
  const reasons = new Map<Reason, number>()
  for (const part of parts)
    for (const a of part.completed) {
      const value = part.latencies[id]?.(a) ?? 'not_recorded'
      if (typeof value === 'number') values.push(value)
      else reasons.set(value, (reasons.get(value) ?? 0) + 1)
    }
  const [commonest] = [...reasons].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const unit = (CANON as Record<string, CanonMetric>)[id]?.unit ?? 'ms'
  const provenance = id === 'queue_time_ms' ? 'engine' : 'client'
  return requestStatistics(values, unit, commonest?.[0] ?? 'no_requests', provenance)
}

/** Where some chunk's tokens are unknown its whole gap stands in, and the provenance says so. */
function interToken(parts: readonly Part[], icl: Statistics): Statistics {
  const by_chunk = parts.some((p) => p.gaps.by_chunk)
  if (!by_chunk && parts.every((p) => p.gaps.itl === p.gaps.icl)) return icl
  const lists = parts.map((p) => ({ ...p.gaps.itl, span: p.span }))
  return gapStatistics(lists, by_chunk ? 'chunk_gaps' : 'client')
}

function withoutWindow(): Record<string, MetricValue> {
  const rows = Object.entries(CANON as Record<string, CanonMetric>)
    .filter(([, row]) => row.kind === 'distribution')
    .flatMap(([id, row]) => STATISTICS.map((s) => [`${id}_${s}`, noMetric(row.unit, 'no_window')]))
  return Object.fromEntries(rows)
}
