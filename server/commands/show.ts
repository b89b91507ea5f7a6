import { canonOf } from '../../analysis/schema/canon.ts'
import { findingText } from '../../analysis/schema/finding-text.ts'
import { toJson } from '../../analysis/schema/json.ts'
import { labelledSummary, plainLabel } from '../../analysis/schema/label.ts'
import { REASONS } from '../../analysis/schema/reason.ts'
import type { MetricValue, Summary } from '../../analysis/schema/summary.ts'
import { requestPage } from '../request-page.ts'
import { scoresOf } from '../store/scores.ts'
import { namedRun } from './named-run.ts'
import { numberText } from './number-text.ts'
import { columns } from './runs.ts'
import { scoreText } from './score.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** Every number of a run, or with `requests` each of its requests. */
export async function show(
  ref: string,
  options: { db: string; json: boolean; requests: boolean },
): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const row = await namedRun(store, ref)
    if (options.requests) {
      const parts = { store, summaries: summariesFor(store) }
      const { requests } = await requestPage(parts, row, 0, Number.POSITIVE_INFINITY)
      if (options.json) return printLine(toJson({ requests }, 2))
      const cells = requests.map((r) => REQUEST_COLUMNS.map((c) => cellText(r[c])))
      for (const line of columns([[...REQUEST_COLUMNS], ...cells])) printLine(line)
      return
    }
    const summary = await summariesFor(store).of(row)
    if (options.json) return printLine(toJson(summary, 2))
    for (const line of summaryText(summary, row.outcome)) printLine(line)
    const scores = await scoresOf(store.db, row.run_id)
    if (scores.length > 0) printLine(`Scores: ${scores.map(scoreText).join('; ')}.`)
  })
}

const REQUEST_COLUMNS = [
  'request_id',
  'phase',
  'outcome',
  'input_tokens',
  'output_tokens_counted',
  'ttft_ms',
  'tpot_ms',
  'e2e_ms',
  'energy_j',
] as const

const cellText = (value: unknown): string =>
  value === null || value === undefined
    ? '-'
    : typeof value === 'number'
      ? numberText(value)
      : String(value)

function summaryText(summary: Summary, outcome: string | null): string[] {
  const { window } = summary
  const known = Object.entries(summary.metrics).filter(([, m]) => m.value !== null)
  const unknown = Object.entries(summary.metrics).filter(([, m]) => m.value === null)
  const program = summary.kind === 'measure'
  return [
    `Run ${summary.run_id} (${summary.name ?? plainLabel(labelledSummary(summary))}): ${outcome ?? 'running'}, ${summary.valid ? 'valid' : 'INVALID'}`,
    window === null
      ? 'No window.'
      : `Window: ${numberText(window.duration_s)} s by rule ${window.rule}`,
    ...summary.findings.map(
      (f) => `${f.severity.toUpperCase().padEnd(8)}${findingText(f, summary.devices)}`,
    ),
    '',
    ...columns([
      ['METRIC', 'VALUE', 'UNIT', '95 % RANGE', 'FROM'],
      ...known.map(([id, m]) => [
        id,
        numberText(m.value as number),
        m.unit,
        rangeText(m),
        m.provenance ?? '',
      ]),
    ]),
    '',
    ...windowText(summary),
    ...unknownText(unknown.filter(([, m]) => !program || m.reason !== 'no_requests')),
    ...(program ? ['A program was measured, so nothing is known of requests.'] : []),
  ]
}

/** The windows that programs marked, by name. */
function windowText({ windows }: Summary): string[] {
  if (windows.length === 0) return []
  const value = (m: MetricValue | undefined) =>
    m === undefined || m.value === null ? (m?.reason ?? '-') : numberText(m.value)
  return [
    ...columns([
      ['MARKED WINDOW', 'TIMES', 'SECONDS', 'J', 'J OF ONE', '95 % RANGE', 'W', 'J/TOKEN'],
      ...windows.map(({ name, n, unclosed, duration_s, metrics: m }) => [
        unclosed > 0 ? `${name} (${unclosed} not ended)` : name,
        String(n),
        numberText(duration_s),
        value(m['energy_compute_j']),
        value(m['energy_compute_j_mean']),
        m['energy_compute_j_mean'] ? rangeText(m['energy_compute_j_mean']) : '',
        value(m['power_mean_w']),
        m['energy_per_token_j']?.reason === 'not_recorded' ? '-' : value(m['energy_per_token_j']),
      ]),
    ]),
    '',
  ]
}

const rangeText = (m: MetricValue): string =>
  m.low === null || m.high === null ? '' : `${numberText(m.low)} to ${numberText(m.high)}`

/** What is not there, by reason: metrics, not each of their statistics. */
function unknownText(metrics: readonly (readonly [string, MetricValue])[]): string[] {
  const byReason = new Map<string, Set<string>>()
  for (const [id, { reason }] of metrics) {
    const window = id.split('@')[1]
    const title = `${canonOf(id)?.title ?? id}${window === undefined ? '' : ` (@${window})`}`
    const words = reason === null ? 'no reason given' : REASONS[reason]
    byReason.set(words, (byReason.get(words) ?? new Set()).add(title))
  }
  return [...byReason].map(([words, ids]) => `Not known, as ${words}: ${[...ids].join(', ')}.`)
}
