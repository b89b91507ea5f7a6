import { z } from 'zod'
import { RUN_FACTS, runShape } from '../../analysis/schema/fact.ts'
import { metricValueSchema } from '../../analysis/schema/summary.ts'

const whole = z.int().nullable()

export const runViewSchema = z
  .object({
    run_id: z.string(),
    ...runShape(RUN_FACTS),
    state: z.enum(['open', 'sealed']),
    archived: z.boolean(),
    tags: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Run' })

export const listedRunSchema = runViewSchema
  .extend({
    label: z.string().meta({ description: 'what varies among the rows, else model, engine, GPU' }),
    configured: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .meta({ description: 'configured values by path that differ among the rows, or were given' }),
    valid: z.boolean().nullable(),
    cautions: whole,
    metrics: z.record(z.string(), metricValueSchema).nullable(),
  })
  .meta({ id: 'ListedRun' })

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
