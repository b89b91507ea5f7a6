import { z } from 'zod'
import { idSchema } from './id.ts'
import { PHASES } from './run.ts'

/** A run over its recorded span, for drawing: times are seconds after `start_t_ns`. Never integrate these points. */
export const timelineSchema = z.object({
  start_t_ns: z.union([z.number(), z.bigint()]),
  duration_s: z.number(),
  columns: z
    .int()
    .positive()
    .meta({ description: 'pixel columns that the points were reduced to' }),
  power: z.array(
    z.object({
      device_id: idSchema,
      sensor_id: idSchema.nullable(),
      source: z.string().nullable(),
      readings: z.int().nonnegative().meta({ description: 'before reduction' }),
      t_s: z.array(z.number()),
      power_w: z.array(z.number()),
    }),
  ),
  phases: z.array(z.object({ phase: z.enum(PHASES), start_s: z.number(), end_s: z.number() })),
  in_flight: z
    .object({ t_s: z.array(z.number()), requests: z.array(z.number()) })
    .meta({ description: 'steps: each count holds until the next time' }),
  windows: z
    .array(z.object({ name: z.string(), start_s: z.number(), end_s: z.number() }))
    .meta({ description: 'that programs marked; of very many the longest' }),
  events: z.array(
    z.object({ t_s: z.number(), code: z.string().nullable(), detail: z.string().nullable() }),
  ),
})
export type Timeline = z.infer<typeof timelineSchema>
