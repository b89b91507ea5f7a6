import { canonOf } from '../../analysis/schema/canon.ts'
import type { Summary } from '../../analysis/schema/summary.ts'
import type { RunView } from '../run-view.ts'
import { csvNumber, csvText } from './csv.ts'

export interface RunWithSummary {
  readonly view: RunView
  readonly summary: Summary
}

type Read = (run: RunWithSummary) => string | number | boolean | null

/** What stands before the metrics: name, what it means, where it is read. */
const FACTS: readonly (readonly [string, string, Read])[] = [
  ['run_id', 'id of the run', (r) => r.view.run_id],
  [
    'source',
    'local: measured, with raw rows; others: results of other tools',
    (r) => r.view.source,
  ],
  ['name', 'name in the configuration', (r) => r.view.name],
  ['study_id', 'study that the run belongs to', (r) => r.view.study_id],
  [
    'experiment_key',
    'equal for configurations that measure the same',
    (r) => r.view.experiment_key,
  ],
  ['state', 'open: still running; sealed: finished', (r) => r.view.state],
  ['outcome', 'completed, failed or interrupted', (r) => r.view.outcome],
  ['reason', 'why it failed or was interrupted', (r) => r.view.reason],
  ['valid', 'false: kept, never ranked', (r) => r.summary.valid],
  ['findings', 'codes of the findings, with their severity', findingsText],
  ['task', 'task of the configuration', (r) => r.view.task],
  ['model', 'model', (r) => r.view.model],
  ['engine', 'engine', (r) => r.view.engine],
  ['gpu_model', 'GPU model of the GPUs used', (r) => r.view.gpu_model],
  ['num_gpus', 'GPUs used', (r) => r.view.num_gpus],
  ['precision', 'precision, as the configuration or the environment says', (r) => r.view.precision],
  ['batch_limit', "the engine's batch limit", (r) => r.view.batch_limit],
  ['tensor_parallel', 'tensor parallel size', (r) => r.view.tensor_parallel],
  ['host', 'host that measured', (r) => r.view.host],
  ['site', 'site of the host', (r) => r.view.site],
  ['started_at', 'start, UTC', (r) => r.view.started_at],
  ['created_at', 'when the database got to know it, UTC', (r) => r.view.created_at],
  ['sealed_at', 'when it was finished, UTC', (r) => r.view.sealed_at],
  [
    'tags',
    'tags as key=value, with semicolons between',
    (r) =>
      Object.entries(r.view.tags)
        .map(([k, v]) => `${k}=${v}`)
        .join(';'),
  ],
  ['note', 'note of a person', (r) => r.view.note],
  ['analysis_version', 'version of the formulas', (r) => r.summary.analysis_version],
  [
    'window_rule',
    'rule by which the counted window was chosen',
    (r) => r.summary.window?.rule ?? null,
  ],
  [
    'window_duration_s',
    'length of the counted window, s',
    (r) => r.summary.window?.duration_s ?? null,
  ],
]

function findingsText({ summary }: RunWithSummary): string {
  return summary.findings.map((f) => `${f.severity}:${f.code}`).join(';')
}

/** One row a run, a line each; for each metric its value, range and, where it is empty, the reason. */
export function* runsCsv(runs: readonly RunWithSummary[]): Generator<string> {
  const metrics = metricIds(runs)
  const head = [
    ...FACTS.map(([name]) => name),
    ...metrics.flatMap((id) => [id, `${id}_low`, `${id}_high`, `${id}_reason`]),
  ]
  yield `${head.map(csvText).join(',')}\r\n`
  for (const run of runs) {
    const row = [
      ...FACTS.map(([, , read]) => cell(read(run))),
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
    ...FACTS.map(([name, meaning]) => [name, null, meaning, null]),
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
