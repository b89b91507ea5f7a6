import type { RunData } from '../readings/run-data.ts'
import { answersOf } from '../requests/answer.ts'
import { completedWithin } from '../requests/ended-within.ts'
import { gapsWithin } from '../requests/latency-gaps.ts'
import { e2eMs, ttftMs } from '../requests/latency-values.ts'
import type { Span } from '../requests/run-span.ts'
import type { Summary } from '../schema/summary.ts'
import { relativeTime } from '../schema/time.ts'
import { NS_PER_S } from '../schema/units.ts'
import type { DistributionTable } from './distribution.ts'
import { histogram } from './histogram.ts'
import type { LatencyPoint } from './latency.ts'
import { type LedgerLine, ledgerLines } from './ledger.ts'
import type { PowerTable } from './power.ts'
import { drawnTimeline, powerTable, startOf } from './power-table.ts'

/** What the charts of one run show; null where the run holds nothing of it. */
export interface ReportTables {
  readonly power: PowerTable | null
  readonly ttft: DistributionTable | null
  readonly itl: DistributionTable | null
  readonly ledger: readonly LedgerLine[] | null
  /** Every request of the measured load that has a length and a latency. */
  readonly latency: readonly LatencyPoint[] | null
}

/** Everything that the charts need, computed once, however often and wide they are drawn. */
export function reportTables(run: RunData, summary: Summary): ReportTables {
  const answers = answersOf(run)
  const window = spanOf(run, summary)
  const line = drawnTimeline(run)
  const zero = startOf(run, line)
  const completed = window === null ? [] : completedWithin(answers, window)
  const ttft = completed.map(ttftMs).filter((v) => typeof v === 'number')
  const gaps = window === null ? null : gapsWithin(answers, window)
  const points = answers.flatMap((a): LatencyPoint[] => {
    const e2e_ms = e2eMs(a)
    if (!a.measured || typeof e2e_ms !== 'number' || a.sent_ns === null) return []
    const { output_tokens } = a
    const sent_s = (a.sent_ns - zero) / NS_PER_S
    return [{ output_tokens, e2e_ms, sent_s, outcome: a.succeeded ? 'answered' : 'failed' }]
  })
  const ledger = ledgerLines(summary)
  return {
    power: powerTable(run, line, summary),
    ttft: distribution('time to first token, ms', 'requests', ttft, summary, 'ttft_ms'),
    itl: distribution(
      'inter-token latency, ms',
      'gaps between tokens',
      (gaps?.itl ?? gaps?.icl)?.gap_ms ?? [],
      summary,
      'itl_ms',
    ),
    ledger: ledger.length === 0 ? null : ledger,
    latency: points.length === 0 ? null : points,
  }
}

/** The summary's window on the run's clock. */
function spanOf(run: RunData, summary: Summary): Span | null {
  if (summary.window === null) return null
  const at = (t: number | bigint) => relativeTime(BigInt(t), run.origin_ns)
  return { start_ns: at(summary.window.start_t_ns), end_ns: at(summary.window.end_t_ns) }
}

function distribution(
  title: string,
  of: string,
  values: ArrayLike<number>,
  summary: Summary,
  id: string,
): DistributionTable | null {
  const bins = histogram(values)
  if (bins === null) return null
  const marks = ['p50', 'p90', 'p99'].flatMap((label) => {
    const value = summary.metrics[`${id}_${label}`]?.value ?? null
    return value === null ? [] : [{ label, value }]
  })
  return { title, of, histogram: bins, marks }
}
