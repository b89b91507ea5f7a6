import { parquetWriteBuffer } from 'hyparquet-writer'
import { factOf } from '../../analysis/schema/fact.ts'
import type { BoardRow } from '../../analysis/schema/leaderboard.ts'
import { BOARD_FACTS, boardMetricIds } from './board-csv.ts'

const PARQUET = { text: 'STRING', time: 'STRING', whole: 'INT64', number: 'DOUBLE' } as const
const OWN: Readonly<Record<string, string>> = { valid: 'BOOLEAN', cautions: 'INT64' }
const typeOf = (name: string): string => OWN[name] ?? PARQUET[factOf(name)?.type ?? 'text']

/** The leaderboard as one Parquet file: facts, and of each metric its value and window. */
export function boardParquet(rows: readonly BoardRow[]): Uint8Array {
  // Types are said, not guessed: a column may be all null, and a guess rounds.
  const facts = BOARD_FACTS.map((name) => ({
    name,
    type: typeOf(name),
    nullable: true,
    data: rows.map((r) => (typeOf(name) === 'INT64' ? wholeNumber(r[name]) : r[name])),
  }))
  const metrics = boardMetricIds(rows).flatMap((id) => [
    {
      name: id,
      type: 'DOUBLE',
      nullable: true,
      data: rows.map((r) => r.metrics[id]?.value ?? null),
    },
    {
      name: `${id}_window`,
      type: 'STRING',
      nullable: true,
      data: rows.map((r) => r.metrics[id]?.window ?? null),
    },
  ])
  return new Uint8Array(parquetWriteBuffer({ columnData: [...facts, ...metrics] as never }))
}

const wholeNumber = (value: unknown): bigint | null =>
  typeof value === 'number' ? BigInt(value) : null
