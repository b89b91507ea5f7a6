import { axisTitle } from '../../analysis/report/board.ts'
import { factOf, RESULT_FACTS } from '../../analysis/schema/fact.ts'
import type { BoardRow } from '../../analysis/schema/leaderboard.ts'
import { resultMetricOf } from '../../analysis/schema/result-metric.ts'
import { csvNumber, csvText } from './csv.ts'

/** Of every row: names, the facts of results, and how it is judged. */
export const BOARD_FACTS = [
  'id',
  'source',
  'kind',
  'name',
  ...RESULT_FACTS,
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

/** Every column of {@link boardCsv}: its name, unit and meaning. */
export function boardColumnsCsv(rows: readonly BoardRow[]): string {
  const lines: (string | null)[][] = [
    ['column', 'unit', 'meaning', 'formula'],
    ...[...BOARD_FACTS, 'setup', 'findings', ...PLACE_COLUMNS].map((name) => [
      name,
      null,
      MEANINGS[name] ?? factOf(name)?.meaning ?? name.replaceAll('_', ' '),
      null,
    ]),
    ...boardMetricIds(rows).flatMap((id) => {
      const row = resultMetricOf(id)
      const title = axisTitle(id)
      return [
        [id, row?.unit ?? null, title, row?.formula ?? null],
        [`${id}_low`, row?.unit ?? null, `lower end of the 95 % range of ${title}`, null],
        [`${id}_high`, row?.unit ?? null, `upper end of the 95 % range of ${title}`, null],
        [`${id}_reason`, null, `why ${title} is empty`, null],
        [`${id}_window`, null, `over which window ${title} was counted`, null],
      ]
    }),
  ]
  return lines.map((l) => `${l.map(csvText).join(',')}\r\n`).join('')
}

const MEANINGS: Readonly<Record<string, string>> = {
  id: 'run_id or result_id',
  kind: 'run: one run; board: a row that others published',
  revision: 'date or version of what was published',
  valid: 'false: kept, never ranked',
  cautions: 'how many cautions there are',
  setup: 'what else the measured thing was, as JSON',
  findings: 'codes of the findings, with semicolons between',
  placed_rank: 'place of a run among results of its task, GPU and precision; 1 is best',
  placed_of: 'how many there are with the run',
  placed_percentile: '100: better than all others',
  placed_reason: 'why a run is not placed',
}
