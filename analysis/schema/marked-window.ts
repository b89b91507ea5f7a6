import { z } from 'zod'
import { countedSchema, metricValueSchema } from './summary.ts'

const time = z.union([z.number(), z.bigint()])
/** One window that a program marked. */
export const markedWindowSchema = z.object({
  name: z.string(),
  id: z.union([z.number(), z.string()]),
  start_t_ns: time,
  end_t_ns: time,
  duration_s: z.number(),
  closed: z.boolean().meta({
    description:
      'false: the program did not end it, so it is counted to the end of the measurement',
  }),
  attributes: z.record(z.string(), z.unknown()),
  tokens: countedSchema,
  requests: countedSchema,
  energy_compute_j: metricValueSchema,
  power_mean_w: metricValueSchema,
})
export type MarkedWindow = z.infer<typeof markedWindowSchema>
