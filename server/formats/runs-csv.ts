import { canonOf } from '../../analysis/schema/canon.ts'
import { isConfiguredPath } from '../../analysis/schema/configured.ts'
import { factOf, RUN_FACTS } from '../../analysis/schema/fact.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import type { ViewedRun } from '../run-view.ts'
import { csvNumber, csvText } from './csv.ts'

export interface RunWithSummary extends ViewedRun {
  readonly summary: Summary
}

type Cell = string | number | boolean | null
interface Column {
  readonly name: string
  readonly unit: string | null
  readonly meaning: string
  readonly read: (run: RunWithSummary) => Cell
}

/** What stands before the metrics: the facts, and what the summary says of the whole run. */
const BEFORE: readonly Column[] = [
  column('run_id', 'id of the run', (r) => r.view.run_id),
  column('label', 'what varies among these runs, else model, engine, GPU', (r) => r.label),
  ...RUN_FACTS.map((name): Column => {
    const { unit = null, meaning = name } = factOf(name) ?? {}
    return { name, unit, meaning, read: (r) => r.view[name] }
  }),
  column('valid', 'false: kept, never ranked', (r) => r.summary.valid),
  column('findings', 'codes of the findings, with their severity', findingsText),
  column('tags', 'tags as key=value, with semicolons between', (r) =>
    Object.entries(r.view.tags)
      .map(([k, v]) => `${k}=${v}`)
      .join(';'),
  ),
  column('analysis_version', 'version of the formulas', (r) => r.summary.analysis_version),
  column(
    'window_rule',
    'rule by which the counted window was chosen',
    (r) => r.summary.window?.rule ?? null,
  ),
  {
    ...column(
      'window_duration_s',
      'length of the counted window, s',
      (r) => r.summary.window?.duration_s ?? null,
    ),
    unit: 's',
  },
]

function column(name: string, meaning: string, read: Column['read']): Column {
  return { name, unit: null, meaning, read }
}

/** The facts, then each configured value that one of the runs has, under its path. */
function columnsOf(runs: readonly RunWithSummary[]): Column[] {
  const paths = [...new Set(runs.flatMap((r) => [...r.values.keys()]))].filter(isConfiguredPath)
  return [
    ...BEFORE,
    ...paths
      .sort()
      .map((path) => column(path, `configured: ${path}`, (r) => r.values.get(path) ?? null)),
  ]
}

function findingsText({ summary }: RunWithSummary): string {
  return summary.findings.map((f) => `${f.severity}:${f.code}`).join(';')
}

/** One row a run, a line each: facts, configured values, and for each metric its value, range and, where it is empty, the reason. */
export function* runsCsv(runs: readonly RunWithSummary[]): Generator<string> {
  const metrics = metricIds(runs)
  const columns = columnsOf(runs)
  const head = [
    ...columns.map((c) => c.name),
    ...metrics.flatMap((id) => [id, `${id}_low`, `${id}_high`, `${id}_reason`]),
  ]
  yield `${head.map(csvText).join(',')}\r\n`
  for (const run of runs) {
    const row = [
      ...columns.map((c) => cell(c.read(run))),
      ...metrics.flatMap((id) => {
        const m = run.summary.metrics[id]
        const reason = m ? m.reason : 'not_recorded'
        return [m?.value ?? null, m?.low ?? null, m?.high ?? null, reason].map(cell)
      }),
    ]
    yield `${row.join(',')}\r\n`
  }
}

/** Every column of runs.csv: its name, unit, meaning and formula. */
export function columnsCsv(runs: readonly RunWithSummary[]): string {
  const rows: (string | null)[][] = [
    ['column', 'unit', 'meaning', 'formula'],
    ...columnsOf(runs).map((c) => [c.name, c.unit, c.meaning, null]),
    ...metricIds(runs).flatMap((id) => {
      const canon = canonOf(id)
      const unit = canon?.unit ?? null
      const title = meaningOf(id)
      return [
        [id, unit, title, canon?.formula ?? null],
        [`${id}_low`, unit, `lower end of the 95 % range of ${title}`, null],
        [`${id}_high`, unit, `upper end of the 95 % range of ${title}`, null],
        [`${id}_reason`, null, `why ${title} is empty`, null],
      ]
    }),
  ]
  return rows.map((r) => `${r.map(csvText).join(',')}\r\n`).join('')
}

function meaningOf(id: string): string {
  const canon = canonOf(id)
  const [base = id, window] = id.split('@')
  const statistic =
    canon?.kind === 'distribution' ? `, ${base.slice(base.lastIndexOf('_') + 1)}` : ''
  return `${canon?.title ?? base}${statistic}${window === undefined ? '' : ` over the ${window} window`}`
}

function metricIds(runs: readonly RunWithSummary[]): string[] {
  return [...new Set(runs.flatMap((r) => Object.keys(r.summary.metrics)))]
}

const cell = (value: string | number | boolean | null): string =>
  typeof value === 'number' ? csvNumber(value) : csvText(value === null ? null : String(value))
