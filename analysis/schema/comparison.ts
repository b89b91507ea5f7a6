import { z } from 'zod'
import { FINDING_CODES } from './finding.ts'
import { idSchema } from './id.ts'
import { reasonSchema } from './reason.ts'
import { runValiditySchema } from './run-validity.ts'
import { UNITS } from './units.ts'

const bound = z.number().nullable()

/** A percentage with its 95 % range. */
const rangeSchema = z.object({ value: z.number(), low: bound, high: bound })

export const VERDICTS = ['a', 'b', 'within_noise'] as const

export const metricComparisonSchema = z.object({
  unit: z.enum(UNITS),
  a: z.number().nullable(),
  b: z.number().nullable(),
  difference: z.number().nullable().meta({ description: 'a - b' }),
  ratio: z.number().nullable().meta({ description: 'a / b' }),
  saving_pct: rangeSchema
    .nullable()
    .meta({ description: 'by how much the better side lies under (or above) the other, %' }),
  verdict: z
    .enum(VERDICTS)
    .nullable()
    .meta({ description: 'the better side; null: not known, or neither way is better' }),
  basis: z
    .enum(['repeatable', 'whole'])
    .meta({ description: 'which ranges count: repeatable on the same devices, else whole' }),
  reason: reasonSchema.nullable(),
})
export type MetricComparison = z.infer<typeof metricComparisonSchema>

const validitySchema = z
  .array(runValiditySchema)
  .optional()
  .meta({ description: 'of each run compared; absent: these are no stored runs' })

const sideSchema = z.object({
  label: z.string().meta({ description: 'what varies between the sides, else model, engine, GPU' }),
  experiment_key: z.string(),
  run_ids: z.array(idSchema),
  valid: z.boolean(),
  cautions: z.array(z.enum(FINDING_CODES)),
})

export const comparisonSchema = z.object({
  a: sideSchema,
  b: sideSchema,
  same_devices: z.boolean(),
  differences: z
    .array(z.object({ path: z.string(), a: z.unknown(), b: z.unknown() }))
    .meta({ description: 'where the two configurations differ' }),
  headline: z.string().meta({ description: 'the metric of the verdict and the sentence' }),
  metrics: z.record(z.string(), metricComparisonSchema),
  verdict: z.enum(VERDICTS).nullable(),
  sentence: z.string(),
  validity: validitySchema,
})
export type Comparison = z.infer<typeof comparisonSchema>

export const rankedSchema = sideSchema.extend({
  rank: z.int().positive().nullable().meta({ description: 'null: invalid, or without the metric' }),
  cycles: z.int().nonnegative(),
  value: z.number().nullable(),
  low: bound,
  high: bound,
  reason: reasonSchema.nullable(),
})
export type Ranked = z.infer<typeof rankedSchema>

export const studyComparisonSchema = z.object({
  metric: z.string(),
  unit: z.enum(UNITS),
  ranking: z.array(rankedSchema).meta({ description: 'best first; unranked ones last' }),
  best: z.string().nullable().meta({ description: 'experiment_key of the best' }),
  comparisons: z
    .array(comparisonSchema)
    .meta({ description: 'the best against each other ranked' }),
  sentence: z.string(),
  validity: validitySchema,
})
export type StudyComparison = z.infer<typeof studyComparisonSchema>
