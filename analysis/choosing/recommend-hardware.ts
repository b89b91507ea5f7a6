import type { Answer } from '../schema/choosing.ts'
import type { Candidate } from './candidate.ts'
import {
  at,
  type Columns,
  feasibleRows,
  leastOf,
  numberOr,
  type Question,
  type Table,
} from './recommend-table.ts'
import { hardwareGains, savingPct } from './saving.ts'

/** Two GPU models to be compared at these deadlines. */
export interface HardwareQuestion {
  readonly old_gpu: string
  readonly new_gpu: string
  readonly deadlines: readonly number[]
}

/** The best of each GPU model among the feasible rows, and what the recommended value saves against it. */
export function byGpuModel(
  rows: readonly number[],
  table: Table,
  columns: Columns,
  question: Question,
  value: number,
): Answer['by_gpu_model'] {
  const models = [...new Set(rows.map((i) => table.rows[i]?.gpu_model ?? null))]
  return models
    .filter((m) => m !== null)
    .sort()
    .map((gpu_model) => {
      const own = rows.filter((i) => table.rows[i]?.gpu_model === gpu_model)
      const best = leastOf(own, table, columns, question) as number
      const least = at(columns, question.minimize, best)
      return {
        gpu_model,
        id: (table.rows[best] as Candidate).id,
        value: least,
        latency: numberOr(at(columns, question.latency, best)),
        saving_pct: savingPct(least, value),
      }
    })
}

/** What newer hardware saves, best against best; bounds other than the deadline are kept. */
export function hardwareGain(
  table: Table,
  columns: Columns,
  { bounds, minimize, latency }: Question,
  hardware: HardwareQuestion | null,
): Answer['hardware_gain'] {
  if (hardware === null) return null
  const { old_gpu, new_gpu, deadlines } = hardware
  const others = bounds.filter((b) => !(b.metric === latency && b.bound === 'max'))
  const rows = feasibleRows(table, columns, others).map((i) => {
    const { model, precision, gpu_model } = table.rows[i] as Candidate
    return {
      group: [model, precision].filter((w) => w !== null).join(' '),
      gpu_model: gpu_model ?? '',
      latency: at(columns, latency, i),
      energy: at(columns, minimize, i),
    }
  })
  const { comparisons, ...rest } = hardwareGains(rows, old_gpu, new_gpu, deadlines)
  return { old_gpu, new_gpu, comparisons: [...comparisons], ...rest }
}
