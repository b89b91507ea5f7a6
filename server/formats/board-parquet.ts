import { parquetWriteBuffer } from 'hyparquet-writer'
import type { BoardRow } from '../../analysis/schema/leaderboard.ts'
import { BOARD_FACTS, boardMetricIds } from './board-csv.ts'

const WHOLE = new Set([
  'num_gpus',
  'batch_limit',
  'tensor_parallel',
  'expert_parallel',
  'data_parallel',
  'cautions',
])
const REAL = new Set(['total_params_billions', 'activated_params_billions'])

/** The leaderboard as one Parquet file: facts, and of each metric its value and window. */
export function boardParquet(rows: readonly BoardRow[]): Uint8Array {
  // Types are said, not guessed: a column may be all null, and a guess rounds.
  const facts = BOARD_FACTS.map((name) => ({
    name,
    type:
      name === 'valid'
        ? 'BOOLEAN'
        : WHOLE.has(name)
          ? 'INT64'
          : REAL.has(name)
            ? 'DOUBLE'
            : 'STRING',
    nullable: true,
    data: rows.map((r) => (WHOLE.has(name) ? wholeNumber(r[name]) : r[name])),
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
