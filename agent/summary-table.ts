import Table from 'cli-table3'
import pc from 'picocolors'
import { CANON, type CanonMetric, canonOf } from '../analysis/schema/canon.ts'
import { findingText } from '../analysis/schema/finding-text.ts'
import { REASONS } from '../analysis/schema/reason.ts'
import type { MetricValue, Summary } from '../analysis/schema/summary.ts'

/** What the table at the end of a run shows; everything else is in the report. */
const ROWS = [
  'energy_per_output_token_j',
  'energy_per_request_j',
  'power_mean_w',
  'output_throughput_tok_s',
  'ttft_ms_p50',
  'itl_ms_p50',
  'tpot_ms_p50',
  'e2e_ms_p50',
  'concurrency_mean',
  'requests_completed',
] as const

/** Of a measured program: there are no tokens of it. */
const PROGRAM_ROWS = [
  'energy_compute_j',
  'power_mean_w',
  'idle_cold_w',
  'energy_above_idle_j',
  'energy_gpu_j',
  'energy_host_j',
] as const

type Colours = ReturnType<typeof pc.createColors>

/** The runs side by side, one column each, with 95 % ranges; then the findings, worst first, notes only counted. */
export function summaryTable(
  summaries: readonly Summary[],
  colour: boolean,
  width: number,
): string {
  const c = pc.createColors(colour)
  const titles = summaries.map((s, i) => columnTitle(s, i, summaries))
  const table = new Table({
    head: ['', ...titles].map((t) => c.bold(t)),
    style: { head: [], border: [], compact: true },
    ...(width < 80 ? { colWidths: [24] } : {}),
    wordWrap: true,
  })
  const programs = summaries.every((s) => s.kind === 'measure')
  if (programs)
    table.push([
      'seconds',
      ...summaries.map((s) => (s.window === null ? '-' : significant(s.window.duration_s, 4))),
    ])
  for (const id of programs ? PROGRAM_ROWS : ROWS) {
    const row = canonOf(id)
    if (!row) continue
    table.push([
      `${label(id, row)}`,
      ...summaries.map((s) => cell(s.metrics[id] ?? null, c)),
    ] as string[])
  }
  const windows = summaries.flatMap((s) => s.windows)
  return [
    table.toString(),
    ...(windows.length > 0 ? [windowTable(windows, c)] : []),
    findings(summaries, titles, c),
  ].join('\n')
}

/** What programs marked, by name. */
function windowTable(windows: Summary['windows'], c: Colours): string {
  const counted = windows.some((w) => w.tokens !== null)
  const head = ['window', 'times', 'seconds', 'energy of one (J)', 'mean power (W)']
  const table = new Table({
    head: [...head, ...(counted ? ['J/token'] : [])].map((t) => c.bold(t)),
    style: { head: [], border: [], compact: true },
    wordWrap: true,
  })
  for (const w of windows) {
    const value = (id: string) => cell(w.metrics[id] ?? null, c)
    table.push([
      `${w.name}${w.unclosed > 0 ? c.yellow(` (${w.unclosed} not ended)`) : ''}`,
      String(w.n),
      significant(w.duration_s, 4),
      value('energy_compute_j_mean'),
      value('power_mean_w'),
      ...(counted ? [w.tokens === null ? '' : value('energy_per_token_j')] : []),
    ])
  }
  return table.toString()
}

function columnTitle(summary: Summary, index: number, all: readonly Summary[]): string {
  const name = summary.name ?? summary.run_id.slice(0, 8)
  const peak = summary.metrics['concurrency_peak']?.value
  const unique = all.filter((s) => s.name === summary.name).length === 1
  return unique ? name : peak == null ? `${name} ${index + 1}` : `concurrency ${peak}`
}

function label(id: string, row: CanonMetric): string {
  const statistic = Object.keys(CANON).includes(id) ? '' : `, ${id.slice(id.lastIndexOf('_') + 1)}`
  return `${row.title}${statistic} (${row.unit})`
}

function cell(metric: MetricValue | null, c: Colours): string {
  if (metric === null) return c.dim('not computed')
  if (metric.value === null) return c.dim(metric.reason ? REASONS[metric.reason] : 'unknown')
  const estimate = metric.provenance === 'cpu_estimate' ? c.yellow(' estimate') : ''
  if (metric.low === null || metric.high === null)
    return `${significant(metric.value, 3)}${estimate}`
  return `${c.bold(significant(metric.value, 3))} ${c.dim(`(${significant(metric.low, 3)} to ${significant(metric.high, 3)})`)}${estimate}`
}

const ORDER = { invalid: 0, caution: 1, info: 2 } as const

function findings(summaries: readonly Summary[], titles: readonly string[], c: Colours): string {
  const paint = { invalid: c.red, caution: c.yellow, info: c.dim }
  const all = summaries.flatMap((s, i) =>
    s.findings.map((f) => ({ ...f, text: findingText(f, s.devices), title: titles[i] ?? '' })),
  )
  const grouped = new Map<string, { finding: (typeof all)[number]; titles: string[] }>()
  for (const finding of all) {
    const known = grouped.get(finding.text)
    if (known) known.titles.push(finding.title)
    else grouped.set(finding.text, { finding, titles: [finding.title] })
  }
  const notes = [...grouped.values()].filter(({ finding }) => finding.severity === 'info').length
  const lines = [...grouped.values()]
    .filter(({ finding }) => finding.severity !== 'info')
    .sort((a, b) => ORDER[a.finding.severity] - ORDER[b.finding.severity])
    .map(({ finding, titles: where }) => {
      const place = where.length === summaries.length ? '' : c.dim(` [${where.join(', ')}]`)
      return `${paint[finding.severity](finding.severity.padEnd(8))} ${finding.text}${place}`
    })
  if (notes > 0) lines.push(c.dim(`and ${notes} ${notes === 1 ? 'note' : 'notes'}, in the report`))
  return lines.join('\n')
}

/** So many significant digits, without exponents for what people read: 0.0123, 4.57, 123, 45 678. */
export function significant(value: number, digits: number): string {
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  const decimals = Math.max(0, digits - 1 - magnitude)
  if (decimals > 9) return value.toExponential(digits - 1)
  return value.toFixed(decimals)
}
