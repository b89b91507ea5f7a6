import { axisTitle } from '../../analysis/report/board.ts'
import { precisionName } from '../../analysis/schema/alike-names.ts'
import type { BoardRow } from '../../analysis/schema/leaderboard.ts'
import { numberText } from '../commands/number-text.ts'

const METRICS = [
  'energy_per_output_token_j',
  'itl_ms_p50',
  'output_throughput_tok_s',
  'power_mean_w',
]

/** The leaderboard as a Markdown table, for a page or a thread: the metric sorted by first. */
export function boardMarkdown(rows: readonly BoardRow[], sort: string): string {
  const has = (id: string) => rows.some((r) => r.metrics[id]?.value != null)
  const metrics = [sort, ...METRICS.filter((m) => m !== sort)].filter(has)
  const place = rows.some((r) => r.placement?.placed != null)
  const doubts = rows.some((r) => r.findings.length > 0)
  const head = [
    'Model',
    'GPUs',
    'Precision',
    'Batch',
    ...metrics.map(axisTitle),
    ...(place ? ['Better than, %'] : []),
    'Source',
    ...(doubts ? ['Findings'] : []),
  ]
  const lines = rows.map((r) => [
    r.name ?? r.model ?? '',
    r.gpu_model === null ? '' : `${r.num_gpus ?? '?'} × ${r.gpu_model}`,
    precisionName(r.precision) ?? '',
    r.batch_limit === null ? '' : String(r.batch_limit),
    ...metrics.map((id) => {
      const value = r.metrics[id]?.value ?? null
      return value === null ? '' : numberText(value)
    }),
    ...(place ? [r.placement?.placed ? r.placement.placed.percentile.toFixed(1) : ''] : []),
    `${r.source}${r.valid ? '' : ' (not valid)'}`,
    ...(doubts ? [r.findings.join(', ')] : []),
  ])
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |\n`
  const rule = `|${head.map(() => '---').join('|')}|\n`
  return line(head) + rule + lines.map(line).join('')
}

/** What would end a cell or begin markup of its own. */
const escaped = (text: string): string =>
  text.replaceAll(/[\\|<>*_`[\]]/g, (c) => `\\${c}`).replaceAll(/\s+/g, ' ')
