import { z } from 'zod'
import { experimentConfigSchema } from './experiment.ts'

const { name, sensors, devices, tags, phases } = experimentConfigSchema.shape

const phasesSchema = z.strictObject({
  settle: phases.out.shape.settle,
  baseline_s: z
    .number()
    .nonnegative()
    .max(3600)
    .default(2)
    .describe('before the program starts; 0: leave out'),
  cooldown_s: z.number().nonnegative().max(3600).default(1).describe('after it has ended'),
  window: z
    .literal('phase')
    .default('phase')
    .describe('what is counted: from the start of the program to its end'),
})

/**
 * Configuration of `llem-agent measure`: any program, measured from its start to its end, with every default filled
 * in. Its `kind` tells it from an experiment, which has none.
 */
export const measurementSchema = z.strictObject({
  kind: z.literal('measure').default('measure'),
  name,
  command: z
    .array(z.string())
    .min(1)
    .nullable()
    .default(null)
    .describe('program and arguments; null: only windows that programs mark, until Ctrl-C'),
  phases: z.preprocess((v) => v ?? {}, phasesSchema),
  sensors,
  devices,
  tags,
})
export type Measurement = z.infer<typeof measurementSchema>
