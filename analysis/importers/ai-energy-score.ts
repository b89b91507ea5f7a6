import type { ResultMetric } from '../schema/result.ts'
import { createCollector } from './collector.ts'
import { csvFields, csvRow } from './csv-fields.ts'
import { eachFile, type Importer } from './importer.ts'
import { resultMetric } from './result-metric.ts'
import { keep, toolResult } from './tool-result.ts'

export const AI_ENERGY_SCORE = 'ai_energy_score'
const J_PER_WH = 3600
/** All of the board was measured on these. */
const BOARD_GPU = 'H100'

/** Names of its runner's list of models for what the board calls otherwise. */
const RUNNER_TASKS: Readonly<Record<string, string>> = {
  text_gen: 'text_generation',
  image_gen: 'image_generation',
}

const BOARD = ['model', 'total_gpu_energy']
const OWN = ['model_name', 'gpu_energy_wh', 'successful_prompts']

/**
 * AI Energy Score: the board's CSV of a task (`model`, `total_gpu_energy` in Wh a query, `energy_score` in stars, `class`)
 * and `master_results.csv` of its own runner. A query is one sample of the task's set of 1,000.
 */
export const aiEnergyScore: Importer = {
  name: AI_ENERGY_SCORE,
  title: 'AI Energy Score, the CSV of a task and master_results.csv',
  detect: ({ content }) =>
    content.form === 'csv' &&
    [BOARD, OWN].some((names) => names.every((n) => content.header.includes(n))),
  begin: eachFile((file, options) => {
    const out = createCollector()
    const { content } = file
    if (content.form !== 'csv') {
      out.lost(file.path, null, 'is no CSV')
      return out.done([])
    }
    const board = BOARD.every((n) => content.header.includes(n))
    const fields = Object.fromEntries(
      content.header.map((n) => [n, (board ? BOARD_FIELDS : OWN_FIELDS)[n] ?? null]),
    )
    for (const [at, cells] of content.rows.entries()) {
      const row = csvRow(content.header, cells)
      if (row === null) {
        out.lost(
          file.path,
          at,
          `has ${cells.length} values for ${content.header.length} names, so that values stand under wrong names`,
        )
        continue
      }
      const read = csvFields(row)
      const model = read.text(board ? 'model' : 'model_name')
      if (model === null) {
        out.lost(file.path, at, 'does not name its model', read.faults)
        continue
      }
      const named = read.text('task') ?? (board ? taskOf(file.path) : null)
      const task =
        named !== null && Object.hasOwn(RUNNER_TASKS, named)
          ? (RUNNER_TASKS[named] as string)
          : named
      const told = board
        ? boardMetrics(read.number('total_gpu_energy'))
        : ownMetrics({
            wh: read.number('gpu_energy_wh'),
            good: read.whole('successful_prompts'),
            failed: read.whole('failed_prompts'),
            input: read.whole('total_prompt_tokens'),
            output: read.whole('total_completion_tokens'),
          })
      const result = toolResult(file, options, {
        source: AI_ENERGY_SCORE,
        kind: board ? 'board' : 'run',
        itself: { task: named, ...row },
        row: at,
        name: model,
        task,
        model,
        gpu_model: board ? BOARD_GPU : null,
        setup: {
          class: read.text(board ? 'class' : 'model_class'),
          ...(board ? {} : { reasoning_state: read.text('reasoning_state') }),
        },
        metrics: told,
        foreign: {
          ...Object.fromEntries(
            Object.entries(row).map(([k, v]) => [`aes.${k}`, v === '' ? null : v]),
          ),
          'aes.stars': read.number('energy_score'),
        },
        notes: [
          ...(board
            ? ['GPU energy of one H100 unless its model needs more; how many is not told']
            : []),
          'stars are relative to the models of the board at its date',
        ],
      })
      keep(out, aiEnergyScore.detect(file), result, read.faults, fields)
    }
    return out.done([
      'latency, throughput and load',
      ...(board ? ['tokens, so no joules per token'] : []),
      'uncertainty: its joules are those of CodeCarbon',
    ])
  }),
}

const BOARD_FIELDS: Readonly<Record<string, string>> = {
  model: 'model',
  total_gpu_energy: 'energy_per_request_j',
  class: 'setup',
  task: 'task',
}
const OWN_FIELDS: Readonly<Record<string, string>> = {
  model_name: 'model',
  model_class: 'setup',
  reasoning_state: 'setup',
  task: 'task',
  gpu_energy_wh: 'energy_gpu_j',
  successful_prompts: 'requests_completed',
  failed_prompts: 'requests_failed',
  total_prompt_tokens: 'input_tokens',
  total_completion_tokens: 'output_tokens',
}

const numbers = (values: Readonly<Record<string, number | null>>): Record<string, ResultMetric> =>
  Object.fromEntries(
    Object.entries(values).map(([id, value]) => [
      id,
      resultMetric(id, value, { window: 'run', provenance: 'codecarbon' }),
    ]),
  )

const boardMetrics = (wh: number | null): Record<string, ResultMetric> =>
  numbers({ energy_per_request_j: wh === null || wh <= 0 ? null : wh * J_PER_WH })

function ownMetrics(told: {
  wh: number | null
  good: number | null
  failed: number | null
  input: number | null
  output: number | null
}): Record<string, ResultMetric> {
  // It writes 0 where it read no GPU.
  const joules = told.wh === null || told.wh <= 0 ? null : told.wh * J_PER_WH
  const over = (n: number | null) => (joules === null || n === null || n === 0 ? null : joules / n)
  return numbers({
    energy_gpu_j: joules,
    energy_per_request_j: over(told.good),
    energy_per_output_token_j: over(told.output),
    requests_completed: told.good,
    requests_failed: told.failed,
    input_tokens: told.input,
    output_tokens: told.output,
  })
}

/** The board's file is named after its task. */
const taskOf = (path: string): string | null => /([^/]+)\.csv(\.gz)?$/.exec(path)?.[1] ?? null
