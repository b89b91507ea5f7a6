import { z } from 'zod'
import { metricValueSchema } from '../../analysis/schema/summary.ts'
import type { RunListView, RunView } from '../run-view.ts'

const text = z.string().nullable()
const whole = z.int().nullable()

export const runViewSchema = z
  .object({
    run_id: z.string(),
    source: z
      .string()
      .meta({ description: 'local: measured here; others: results of other tools' }),
    state: z.enum(['open', 'sealed']),
    outcome: text,
    reason: text,
    study_id: text,
    experiment_key: z.string(),
    name: text,
    task: text,
    model: text,
    engine: text,
    gpu_model: text,
    num_gpus: z.int(),
    precision: text,
    batch_limit: whole,
    tensor_parallel: whole,
    host: text,
    site: text,
    started_at: text,
    created_at: z.string(),
    sealed_at: text,
    note: text,
    archived: z.boolean(),
    tags: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Run' }) satisfies z.ZodType<RunView>

export const listedRunSchema = runViewSchema
  .extend({
    valid: z.boolean().nullable(),
    cautions: whole,
    metrics: z.record(z.string(), metricValueSchema).nullable(),
  })
  .meta({ id: 'ListedRun' }) satisfies z.ZodType<RunListView>

export const runDetailSchema = runViewSchema
  .extend({
    streams: z.array(
      z.object({ stream: z.string(), chunks: z.int(), rows: z.int(), bytes: z.int() }),
    ),
    experiment: z
      .looseObject({})
      .meta({ description: 'the configuration with every default filled in' }),
    run_json: z.looseObject({}).meta({ description: 'run.json as it was read' }),
  })
  .meta({ id: 'RunDetail' })
