import { z } from 'zod'
import { costReasonSchema } from './cost.ts'
import { COMMON_FACTS, resultShape } from './fact.ts'
import { factorSchema } from './factor.ts'
import { scenarioUsedSchema } from './stored.ts'

const text = z.string().nullable()
const number = z.number().nullable()
const share = z.number().min(0).max(1)

const datasetText = text.meta({
  description: 'on what the quality scores are; null: none were asked for, or there are none',
})

/** A percentage with its 95 % range. */
const rangeSchema = z.object({ value: z.number(), low: number, high: number })

const excludedSchema = z.object({
  id: z.string(),
  reason: z.enum(['invalid', 'caution', 'no_value']),
  codes: z.array(z.string()),
  metric: text.meta({ description: 'which number is missing, where that is the reason' }),
  why: text.meta({ description: 'why it is missing' }),
})

const candidateViewSchema = z.object({
  id: z.string().meta({
    description:
      'id of the run or the result; of an experiment with several runs its experiment_key',
  }),
  kind: z.enum(['run', 'experiment', 'result']),
  ...resultShape(COMMON_FACTS),
  source: z.string(),
  experiment_key: text,
  member_ids: z.array(z.string()).meta({ description: 'whose mean it is' }),
  cautions: z.array(z.string()),
})
export type CandidateView = z.infer<typeof candidateViewSchema>

const valueSchema = z.object({
  value: z.number(),
  low: number.meta({ description: '95 %, everything included' }),
  high: number,
  unit: z.string(),
})

const pricingSchema = z
  .object({
    statement: z.string().meta({ description: 'where, when and at which prices, in one sentence' }),
    scenario: z.looseObject({}).meta({
      description: 'the scenario, as docs/cost.md says; sent again it gives the same numbers',
    }),
    year: z.int().meta({ description: 'of which the factor was looked up' }),
    factor: factorSchema.nullable().meta({ description: 'of the electricity, location-based' }),
    factor_year: z.int().nullable().meta({ description: 'of the table that it stands in' }),
    currency: z.string(),
    cautions: z.array(costReasonSchema),
    assumptions: z.array(z.string()),
    tables_version: z.string(),
    attribution: z.array(z.string()).meta({
      description: 'whose data it is, to be shown beside the numbers',
    }),
    scenario_stored: scenarioUsedSchema.optional().meta({
      description: 'absent: the scenario is not of a stored one',
    }),
  })
  .meta({ id: 'Pricing', description: 'what all candidates were priced by' })
export type Pricing = z.infer<typeof pricingSchema>

const groupSchema = z
  .record(z.string(), z.unknown())
  .meta({ description: 'what its candidates have in common' })

const CERTAINTIES = ['certain', 'possible', 'none'] as const

const labelSchema = z.string().meta({
  description:
    'what to call it beside the others: by what varies among them, else model, engine, GPU',
})

const pointSchema = candidateViewSchema
  .extend({
    label: labelSchema,
    x: z.number(),
    y: z.number(),
    z: z.number().optional(),
    values: z
      .record(z.string(), valueSchema)
      .meta({ description: 'every objective, by metric; under a scenario every priced one too' }),
    frontier: z.boolean().meta({ description: 'on the frontier, as measured' }),
    frontier_share: share.meta({ description: 'share of resamples in which it is' }),
    certainty: z.enum(CERTAINTIES).nullable().meta({
      description:
        'certain: in at least 95 % of resamples; possible: in at least 5 %; null: how well its values are known is not told',
    }),
    knee: z.boolean(),
    group: z.int().meta({ description: 'its place in groups' }),
  })
  .meta({ id: 'ParetoPoint' })
export type ParetoPoint = z.infer<typeof pointSchema>

export const paretoSchema = z
  .object({
    points: z.array(pointSchema).meta({ description: 'by group, then x, y, id' }),
    objectives: z.array(
      z.object({
        metric: z.string(),
        direction: z.enum(['min', 'max']),
        title: z.string(),
        unit: z.string(),
      }),
    ),
    rule: z.enum(['textbook', 'mlenergy']),
    groups: z.array(
      z.object({
        group: groupSchema,
        candidates: z.int(),
        frontier: z.array(z.string()),
        certain: z.array(z.string()),
        possible: z.array(z.string()).meta({
          description: 'the certain ones among them, and those whose certainty is not known',
        }),
        knee: z.object({ id: z.string(), share }).nullable(),
        hypervolume: z
          .object({
            value: z.number(),
            low: z.number(),
            high: z.number(),
            reference: z.array(z.number()),
          })
          .nullable()
          .meta({
            description:
              "what the frontier dominates up to each objective's worst candidate, in the product of their units",
          }),
      }),
    ),
    excluded: z.array(excludedSchema),
    pricing: pricingSchema.nullable().meta({ description: 'null: nothing was priced' }),
    quality_dataset: datasetText,
    resamples: z
      .int()
      .meta({ description: 'at least; fewer than asked for where there are many points' }),
  })
  .meta({ id: 'Pareto' })
export type Pareto = z.infer<typeof paretoSchema>

const choiceSchema = candidateViewSchema
  .extend({
    label: labelSchema,
    value: z.number().meta({ description: 'of the metric that is minimised' }),
    low: number,
    high: number,
    latency: number,
    values: z.record(z.string(), valueSchema).meta({
      description:
        'the minimised metric, the latency and every bounded metric; under a scenario every priced one too',
    }),
  })
  .meta({ id: 'Choice' })
export type Choice = z.infer<typeof choiceSchema>

export const BASELINES = [
  'current',
  'fastest_feasible',
  'fastest_same_hardware',
  'worst_feasible',
] as const
export type Baseline = (typeof BASELINES)[number]

const gainSchema = z.object({
  old_gpu: z.string(),
  new_gpu: z.string(),
  comparisons: z.array(
    z.object({
      group: z.string(),
      deadline: z.number(),
      old_best: z.number(),
      new_best: z.number(),
      gain_pct: z.number(),
    }),
  ),
  wins: z.int(),
  median_pct: number,
  low_pct: number,
  high_pct: number,
})

const answerSchema = z.object({
  recommended: choiceSchema.nullable().meta({ description: 'null: none keeps every bound' }),
  baseline: choiceSchema.nullable(),
  saving_pct: rangeSchema.nullable().meta({
    description:
      '(baseline - recommended) / baseline × 100; the range selects anew in each resample; null ends: not known',
  }),
  reason: z.string().meta({ description: 'one sentence' }),
  within_noise: z
    .boolean()
    .nullable()
    .meta({ description: 'whether the range of the saving holds zero; null: not known' }),
  equivalent: z.array(z.string()).meta({
    description: 'others within the bounds whose difference to the recommended is within noise',
  }),
  chosen_share: share
    .nullable()
    .meta({ description: 'share of resamples in which the same one is chosen' }),
  feasible_share: share
    .nullable()
    .meta({ description: 'share of resamples in which it keeps every bound' }),
  nearest: choiceSchema
    .extend({
      excess: z.record(z.string(), z.number()).meta({
        description: 'by how much it breaks each bound, in the unit of its metric',
      }),
      excess_pct: number.meta({
        description:
          'the largest excess, % of its bound; null: the bound is too near to 0 for that',
      }),
    })
    .nullable()
    .meta({ description: 'where none is feasible: the one that breaks its bounds least' }),
  deadline_penalty_pct: number.meta({
    description: 'how much more it takes than the least without bounds on latency, %',
  }),
  latency_slack: number.meta({ description: "deadline - latency, in the latency's unit" }),
  slowdown: number.meta({ description: 'latency / that of the fastest feasible' }),
  by_gpu_model: z
    .array(
      z.object({
        gpu_model: z.string(),
        id: z.string(),
        value: z.number(),
        latency: number,
        saving_pct: number,
      }),
    )
    .meta({
      description:
        'the best of each GPU model within the same bounds, and what the recommended saves against it, %',
    }),
  hardware_gain: gainSchema.nullable().meta({
    description: 'new_gpu against old_gpu, best against best of each model and precision',
  }),
  candidates: z.int(),
  feasible: z.int(),
  group: groupSchema.nullable(),
})
export type Answer = z.infer<typeof answerSchema>

export const recommendationSchema = answerSchema
  .extend({
    minimize: z.string(),
    unit: z.string(),
    latency: z.string().meta({ description: 'the metric that counts as latency' }),
    baseline_rule: z.enum(BASELINES),
    groups: z.array(answerSchema).meta({
      description: 'an answer for each group, where group_by or unlike work makes several',
    }),
    excluded: z.array(excludedSchema),
    pricing: pricingSchema.nullable().meta({ description: 'null: nothing was priced' }),
    quality_dataset: datasetText,
    resamples: z
      .int()
      .meta({ description: 'at least; fewer than asked for where there are many candidates' }),
  })
  .meta({ id: 'Recommendation' })
export type Recommendation = z.infer<typeof recommendationSchema>
