import { z } from 'zod'
import { costReasonSchema } from './cost.ts'
import { reasonSchema } from './reason.ts'

const text = z.string().nullable()
const number = z.number().nullable()

/** Whose an answer is and what it took, as it is shown after the vote. */
export const answerFactsSchema = z.object({
  set_id: z.string().meta({ description: 'the run, or the answers that were imported together' }),
  run_id: text,
  model: text,
  valid: z
    .boolean()
    .nullable()
    .meta({ description: 'of the run; null: the answers came without its rows' }),
  energy_j: number.meta({ description: 'what the request took of the compute energy' }),
  energy_low_j: number,
  energy_high_j: number,
  energy_reason: reasonSchema.nullable(),
  carbon_g: number.meta({ description: 'energy × factor of the zone, without PUE and hardware' }),
  carbon_reason: costReasonSchema.nullable(),
  e2e_s: number,
  e2e_reason: reasonSchema.nullable(),
})
export type AnswerFacts = z.infer<typeof answerFactsSchema>

const sideSchema = answerFactsSchema.extend({ output: z.string(), request_id: text })

export const pairsSchema = z.object({
  a: z.object({ set_id: z.string(), model: text, answers: z.int() }),
  b: z.object({ set_id: z.string(), model: text, answers: z.int() }),
  shared_prompts: z.int(),
  carbon: z
    .object({ zone: z.string(), g_per_kwh: z.number(), source: z.string() })
    .nullable()
    .meta({ description: 'the factor behind carbon_g' }),
  pairs: z.array(
    z.object({
      prompt_sha256: z.string(),
      prompt: z.string(),
      a: sideSchema,
      b: sideSchema,
    }),
  ),
  next_cursor: text,
})
export type Pairs = z.infer<typeof pairsSchema>

/** Two answers to vote on. Nothing of it tells whose they are or what they took. */
export const ballotSchema = z.strictObject({
  token: z.string().meta({ description: 'for one vote; it holds until the server ends, or a day' }),
  prompt: z.string(),
  left: z.strictObject({ output: z.string() }),
  right: z.strictObject({ output: z.string() }),
})
export type Ballot = z.infer<typeof ballotSchema>

/** Why there is no pair, for a page that shows the sentence rather than an error. */
export const noPairSchema = z.strictObject({
  reason: z.string().meta({ description: 'the code of the problem' }),
  detail: z.string(),
})

export const CHOICES = ['left', 'right', 'tie', 'both_bad'] as const
export type Choice = (typeof CHOICES)[number]

const worth = z.boolean().meta({ description: 'was the better answer worth its extra energy?' })

export const voteBodySchema = z.strictObject({
  token: z.string().min(1).max(100),
  choice: z.enum(CHOICES),
  worth_it: worth.nullable().default(null),
})
export const worthBodySchema = z.strictObject({ worth_it: worth })

export const revealSchema = z.object({
  vote_id: z.string(),
  choice: z.enum(CHOICES),
  left: answerFactsSchema,
  right: answerFactsSchema,
  extra_energy_pct: number.meta({
    description:
      'by how much the chosen answer took more than the other; null: none was chosen, or joules are missing',
  }),
})
export type Reveal = z.infer<typeof revealSchema>

export const RATED_BY = ['model', 'run'] as const
export type RatedBy = (typeof RATED_BY)[number]

const estimateSchema = z.object({
  value: number,
  low: number.meta({ description: '95 %' }),
  high: number,
  n: z.int(),
  reason: reasonSchema.nullable(),
})

export const ratedSchema = z.object({
  entrant: z.string(),
  rating: estimateSchema.meta({
    description: 'log odds of being chosen over the average entrant; n: votes',
  }),
  win_pct: number.meta({ description: 'the same as a percentage: 50 is the average' }),
  votes: z.int(),
  wins: z.int(),
  losses: z.int(),
  ties: z.int().meta({ description: 'both bad among them' }),
  both_bad: z.int(),
  energy_per_answer_j: estimateSchema.meta({
    description: 'mean over the answers that were voted on, each once; n: answers',
  }),
  worth_it: z.int().meta({ description: 'chosen, took more, and was called worth it' }),
  not_worth_it: z.int(),
  frontier: z
    .boolean()
    .meta({ description: 'no other is chosen more often at no more energy, as measured' }),
  frontier_share: number.meta({ description: 'in which share of resamples' }),
})

export const ratingsSchema = z.object({
  by: z.enum(RATED_BY),
  votes: z.int(),
  groups: z
    .array(z.array(z.string()))
    .meta({ description: 'entrants that votes join; several: no rating holds for all' }),
  entrants: z.array(ratedSchema),
  resamples: z.int(),
})
export type Rated = z.infer<typeof ratedSchema>
export type Ratings = z.infer<typeof ratingsSchema>

/** A line of a file of answers. */
export const answerLineSchema = z.strictObject({
  prompt_id: z.union([z.string().min(1).max(300), z.int()]).transform(String),
  prompt: z.string().min(1),
  model: z.string().min(1).max(300),
  output: z.string().min(1),
  run_id: z.string().min(1).max(300).nullish(),
  energy_j: z.number().positive().nullish(),
  e2e_ms: z.number().positive().nullish(),
})
export type AnswerLine = z.infer<typeof answerLineSchema>

/** The name of what was scored, in lower case: mmlu, or gsm8k:strict where a dataset has several scores. */
export const datasetSchema = z
  .string()
  .toLowerCase()
  .regex(
    /^[a-z0-9][a-z0-9_.:@+-]{0,99}$/,
    'must be a name such as mmlu or gsm8k:strict: 1 to 100 of a-z 0-9 _ . : @ + -',
  )

const score = z.number().nonnegative('must be a number from 0 up; higher is better')

/** A score as it is given. */
export const scoreBodySchema = z
  .strictObject({
    value: score,
    low: score.nullable().default(null).meta({ description: '95 % range, where it is known' }),
    high: score.nullable().default(null),
    source: z.string().min(1).max(300).nullable().default(null).meta({
      description: 'who or what scored, with its version',
    }),
    replace: z
      .boolean()
      .default(false)
      .meta({ description: 'take the place of another score on this dataset' }),
  })
  .refine((s) => (s.low === null) === (s.high === null), {
    path: ['high'],
    message: 'must be given with low, and low with high; or neither',
  })
  .refine((s) => s.low === null || s.low <= s.value, {
    path: ['low'],
    message: 'must not be above the value',
  })
  .refine((s) => s.high === null || s.high >= s.value, {
    path: ['high'],
    message: 'must not be below the value',
  })
export type ScoreBody = z.infer<typeof scoreBodySchema>

/** A score as it is stored. */
export const runScoreSchema = z.object({
  dataset: z.string(),
  value: z.number(),
  low: number,
  high: number,
  source: text,
  at: z.string().meta({ description: 'when it was attached' }),
  actor: z.string(),
})
export type RunScore = z.infer<typeof runScoreSchema>

export const runScoresSchema = z.object({ run_id: z.string(), scores: z.array(runScoreSchema) })
