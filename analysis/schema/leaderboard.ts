import { z } from 'zod'
import { MEASURED, resultMetricSchema } from './result.ts'

const text = z.string().nullable()
const whole = z.int().nullable()
const number = z.number().nullable()

/** Why a run is not placed among published rows. */
export const PLACEMENT_REASONS = {
  task_unknown: 'the configuration names no task',
  gpu_unknown: 'the run used no GPU, or one without a name',
  precision_unknown: 'neither configuration nor environment tells the precision',
  invalid: 'the run is not valid',
  metric_not_ranked: 'no value of this metric is better than another',
  no_comparable_results: 'there is no valid result of the same task, GPU and precision',
  window_mismatch: 'the run has no value over the window of the published rows',
} as const
export type PlacementReason = keyof typeof PLACEMENT_REASONS

export const neighbourSchema = z.object({
  id: z.string(),
  model: text,
  value: z.number(),
  ratio: number.meta({ description: "their value over the run's" }),
})
export type Neighbour = z.infer<typeof neighbourSchema>

export const placementSchema = z.object({
  placed: z
    .object({
      value: z.number(),
      window: text.meta({ description: 'over which both sides are counted' }),
      rank: z.int().meta({ description: '1 is best; of all rows and the run' }),
      of: z.int(),
      percentile: z.number().meta({ description: '100: better than all others' }),
      low: number.meta({ description: "the percentile at the worse end of the run's 95 % range" }),
      high: number,
      better: z.array(neighbourSchema).meta({ description: 'the nearest ones, best first' }),
      worse: z.array(neighbourSchema).meta({ description: 'the nearest ones, equal ones too' }),
    })
    .nullable(),
  reason: z
    .enum(Object.keys(PLACEMENT_REASONS) as [PlacementReason, ...PlacementReason[]])
    .nullable(),
  group: z
    .object({ task: text, gpu_model: text, precision: text })
    .meta({ description: 'what both must have in common' }),
  metric: z.string(),
})
export type Placement = z.infer<typeof placementSchema>

/** A row of the leaderboard: a run of ours (`source` local) or a result of others. */
export const boardRowSchema = z.object({
  id: z.string(),
  source: z.string(),
  kind: z.string().meta({ description: 'run: one run; board: a row that others published' }),
  name: text,
  ...MEASURED,
  setup: z.record(z.string(), z.unknown()),
  revision: text,
  valid: z.boolean(),
  cautions: z.int(),
  findings: z.array(z.string()).meta({ description: 'codes, invalid first' }),
  metrics: z.record(z.string(), resultMetricSchema),
  placement: placementSchema.nullable().meta({ description: 'of runs of ours; null: of others' }),
})
export type BoardRow = z.infer<typeof boardRowSchema>

const comparedMetricSchema = z.object({
  unit: z.string(),
  better: z.enum(['low', 'high']).nullable(),
  pairs: z.int(),
  a_better: whole.meta({ description: 'pairs, without those within noise' }),
  b_better: whole,
  within_noise: z.int().meta({ description: 'pairs whose replicates overlap' }),
  ratio: z
    .object({ geometric_mean: number, min: z.number(), p50: z.number(), max: z.number() })
    .meta({ description: 'b over a, over pairs' }),
  rows: z.array(
    z.object({
      task: text,
      model: text,
      gpu_model: text,
      num_gpus: whole,
      precision: text,
      batch_limit: whole,
      a: z.number().meta({ description: 'mean over replicates' }),
      b: z.number(),
      n_a: z.int(),
      n_b: z.int(),
      ratio: z.number(),
      within_noise: z.boolean(),
    }),
  ),
})
export type ComparedMetric = z.infer<typeof comparedMetricSchema>

const sideSchema = z.object({
  label: z.string(),
  rows: z.int(),
  invalid: z.int(),
  configurations: z.int(),
  unmatched: z.int().meta({ description: 'configurations that the other side lacks' }),
})

/** Two boards, dates, GPUs, ... configuration by configuration. */
export const boardComparisonSchema = z.object({
  a: sideSchema,
  b: sideSchema,
  matched_on: z.array(z.string()),
  pairs: z.int(),
  metrics: z.record(z.string(), comparedMetricSchema),
})
export type BoardComparison = z.infer<typeof boardComparisonSchema>
