import type { BoardRow } from '../../analysis/schema/leaderboard.ts'
import { csvNumber, csvText } from './csv.ts'

export const BOARD_FACTS = [
  'id',
  'source',
  'kind',
  'name',
  'task',
  'model',
  'engine',
  'gpu_model',
  'num_gpus',
  'precision',
  'batch_limit',
  'tensor_parallel',
  'expert_parallel',
  'data_parallel',
  'architecture',
  'total_params_billions',
  'activated_params_billions',
  'revision',
  'valid',
  'cautions',
] as const satisfies readonly (keyof BoardRow)[]

export const boardMetricIds = (rows: readonly BoardRow[]): string[] => [
  ...new Set(rows.flatMap((r) => Object.keys(r.metrics))),
]

/** The percentile of a placed run and why another is not placed; empty for results of others. */
export const PLACE_COLUMNS = [
  'placed_rank',
  'placed_of',
  'placed_percentile',
  'placed_reason',
] as const

export function placeCells({ placement }: BoardRow): (string | number | null)[] {
  const placed = placement?.placed ?? null
  return [
    placed?.rank ?? null,
    placed?.of ?? null,
    placed?.percentile ?? null,
    placement?.reason ?? null,
  ]
}

/** The leaderboard as CSV: of each metric its value, range, why it is empty, and over which window it was counted. */
export function boardCsv(rows: readonly BoardRow[]): string {
  const metrics = boardMetricIds(rows)
  const head = [
    ...BOARD_FACTS,
    'setup',
    'findings',
    ...PLACE_COLUMNS,
    ...metrics.flatMap((id) => [id, `${id}_low`, `${id}_high`, `${id}_reason`, `${id}_window`]),
  ]
  const lines = rows.map((row) => [
    ...BOARD_FACTS.map((f) => cell(row[f])),
    cell(JSON.stringify(row.setup)),
    cell(row.findings.join(';')),
    ...placeCells(row).map(cell),
    ...metrics.flatMap((id) => {
      const m = row.metrics[id]
      return [
        m?.value ?? null,
        m?.low ?? null,
        m?.high ?? null,
        m ? m.reason : 'not_recorded',
        m?.window ?? null,
      ].map(cell)
    }),
  ])
  return [head.map(csvText), ...lines].map((l) => `${l.join(',')}\r\n`).join('')
}

const cell = (value: string | number | boolean | null): string =>
  typeof value === 'number' ? csvNumber(value) : csvText(value === null ? null : String(value))
