import Table from 'cli-table3'
import pc from 'picocolors'
import { CANON, type CanonMetric, canonOf } from '../analysis/schema/canon.ts'
import { findingText } from '../analysis/schema/finding-text.ts'
import { distinctLabels, labelledSummary } from '../analysis/schema/label.ts'
import { REASONS } from '../analysis/schema/reason.ts'
import type { MetricValue, Summary } from '../analysis/schema/summary.ts'
import { meanInterval } from '../analysis/stats/cycles.ts'

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

/** Runs of one configuration: a column of the table. */
interface Column {
  readonly title: string
  readonly runs: readonly Summary[]
}

/** Below so many characters a cell folds its range into lines that nobody reads. */
const LEAST_CELL = 20
const TITLE_CELL = 38

/**
 * The configurations side by side, one column each with its cycles folded, and 95 % ranges; where they don't fit beside
 * one another, one line each. Then the findings, worst first, notes only counted.
 * @param configurations by run id, for what varies among the runs
 */
export function summaryTable(
  summaries: readonly Summary[],
  configurations: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
  colour: boolean,
  width: number,
): string {
  const c = pc.createColors(colour)
  const columns = columnsOf(summaries, configurations)
  const programs = summaries.every((s) => s.kind === 'measure')
  const rows = programs ? PROGRAM_ROWS : ROWS
  const fits = TITLE_CELL + columns.length * LEAST_CELL <= width || columns.length === 1
  const windows = summaries.flatMap((s) => s.windows)
  return [
    fits ? sideBySide(columns, rows, programs, width, c) : oneBelowAnother(columns, rows, c),
    ...(windows.length > 0 ? [windowTable(windows, c)] : []),
    findings(columns, c),
  ].join('\n')
}

/** One a configuration, in the order in which they first ran. */
function columnsOf(
  summaries: readonly Summary[],
  configurations: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): Column[] {
  const groups = new Map<string, Summary[]>()
  for (const s of summaries) {
    const group = groups.get(s.experiment_key)
    if (group) group.push(s)
    else groups.set(s.experiment_key, [s])
  }
  const all = [...groups.values()]
  const labels = distinctLabels(
    all.map(([first]) =>
      labelledSummary(first as Summary, configurations.get((first as Summary).run_id)),
    ),
  )
  return all.map((runs, i) => ({
    title: `${labels[i]}${runs.length > 1 ? ` (${runs.length} runs)` : ''}`,
    runs,
  }))
}

function sideBySide(
  columns: readonly Column[],
  rows: readonly string[],
  programs: boolean,
  width: number,
  c: Colours,
): string {
  const table = new Table({
    head: ['', ...columns.map((s) => s.title)].map((t) => c.bold(t)),
    style: { head: [], border: [], compact: true },
    ...(width < 80 ? { colWidths: [24] } : {}),
    wordWrap: true,
  })
  if (programs)
    table.push(['seconds', ...columns.map(({ runs }) => runs.map(secondsOf).join(', '))])
  for (const id of rows) {
    const row = canonOf(id)
    if (row) table.push([label(id, row), ...columns.map(({ runs }) => foldedCell(runs, id, c))])
  }
  return table.toString()
}

/** What a reader looks for first, of many configurations. */
const FEW = 4

function oneBelowAnother(columns: readonly Column[], rows: readonly string[], c: Colours): string {
  const shown = rows.slice(0, FEW).flatMap((id) => {
    const row = canonOf(id)
    return row ? [{ id, head: label(id, row) }] : []
  })
  const table = new Table({
    head: ['', ...shown.map((s) => s.head)].map((t) => c.bold(t)),
    style: { head: [], border: [], compact: true },
    wordWrap: true,
  })
  for (const { title, runs } of columns)
    table.push([title, ...shown.map(({ id }) => foldedCell(runs, id, c))])
  return table.toString()
}

const secondsOf = ({ window }: Summary) =>
  window === null ? '-' : significant(window.duration_s, 4)

/** One run with its own range; of several their mean, with the 95 % interval that they give. */
function foldedCell(runs: readonly Summary[], id: string, c: Colours): string {
  const [only] = runs
  if (runs.length === 1 && only) return cell(only.metrics[id] ?? null, c)
  const valid = runs.filter((r) => r.valid)
  const known = (valid.length > 0 ? valid : runs).flatMap((r) => r.metrics[id] ?? [])
  const mean = meanInterval(known.flatMap((m) => m.value ?? []))
  const [first] = known
  if (mean === null || !first) return cell(first ?? null, c)
  return cell({ ...first, value: mean.mean, low: mean.low, high: mean.high }, c)
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

function findings(columns: readonly Column[], c: Colours): string {
  const paint = { invalid: c.red, caution: c.yellow, info: c.dim }
  const all = columns.flatMap(({ title, runs }) =>
    runs.flatMap((s) => s.findings.map((f) => ({ ...f, text: findingText(f, s.devices), title }))),
  )
  const grouped = new Map<string, { finding: (typeof all)[number]; titles: string[] }>()
  for (const finding of all) {
    const known = grouped.get(finding.text)
    if (known) known.titles.push(...(known.titles.includes(finding.title) ? [] : [finding.title]))
    else grouped.set(finding.text, { finding, titles: [finding.title] })
  }
  const notes = [...grouped.values()].filter(({ finding }) => finding.severity === 'info').length
  const lines = [...grouped.values()]
    .filter(({ finding }) => finding.severity !== 'info')
    .sort((a, b) => ORDER[a.finding.severity] - ORDER[b.finding.severity])
    .map(({ finding, titles: where }) => {
      const place = where.length === columns.length ? '' : c.dim(` [${where.join(', ')}]`)
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
