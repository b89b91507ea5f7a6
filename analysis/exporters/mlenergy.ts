import { METRICS, type RowKind, RUN_PREFIX, SETUP } from '../importers/mlenergy-row.ts'
import type { Result } from '../schema/result.ts'
import { pythonJson } from './python-json.ts'

/** A row of a task file under the names of the format. */
export type TaskRow = Readonly<Record<string, unknown>>

/** Fields that are floats where they hold whole numbers too. */
const FLOAT = /_billions$|_joules$|_watts$|_per_sec$|_itl_ms$|^avg_|^batch_latency_s$|_rel$|_j_per_/

/** A task file of the ML.ENERGY Leaderboard v3, as text. Source: docs/leaderboard.md, "Export". */
export function taskFile(
  task: string,
  display_name: string,
  rows: readonly TaskRow[],
  architecture: string | null = null,
): string {
  return pythonJson(
    {
      ...(architecture === null ? {} : { architecture }),
      task,
      task_display_name: display_name,
      configurations: rows,
    },
    (key) => FLOAT.test(key),
  )
}

/**
 * A result as the row that it was read from. What others told of it (histograms of a model file, columns of a table of runs)
 * stays out.
 */
export function resultTaskRow(result: Result): TaskRow {
  const kind = kindOf(result)
  const { output_length_distribution: _, task_display_name: __, ...told } = result.foreign
  const foreign = Object.fromEntries(
    Object.entries(told).filter(([name]) => !name.startsWith(RUN_PREFIX)),
  )
  const facts = {
    model_id: result.model,
    nickname: result.name,
    weight_precision: result.precision,
    gpu_model: result.gpu_model,
    num_gpus: result.num_gpus,
    total_params_billions: result.total_params_billions,
    activated_params_billions: result.activated_params_billions,
  }
  const { architecture, batch_limit, tensor_parallel, expert_parallel, data_parallel } = result
  return {
    ...facts,
    ...(kind === 'token'
      ? { architecture, max_num_seqs: batch_limit, tensor_parallel, expert_parallel, data_parallel }
      : { batch_size: batch_limit }),
    ...Object.fromEntries(SETUP[kind].map((name) => [name, result.setup[name] ?? null])),
    ...Object.fromEntries(
      METRICS[kind].map(([theirs, ours]) => [theirs, result.metrics[ours]?.value ?? null]),
    ),
    ...foreign,
  }
}

const kindOf = ({ metrics }: Result): RowKind =>
  'energy_per_video_j' in metrics ? 'video' : 'energy_per_image_j' in metrics ? 'image' : 'token'
