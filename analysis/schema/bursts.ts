import { z } from 'zod'

/** full: all that the card can draw, so its power limit acts; constant: operands of zeros, so its clocks hold. */
export const BURST_LOADS = ['full', 'constant'] as const
export type BurstLoad = (typeof BURST_LOADS)[number]

/** Nominal lengths of the bursts, ms. */
export const BURST_LENGTHS_MS = [20, 50, 100, 200, 500, 2000] as const

/** Codes of the events at the two ends of each burst of known work. */
export const BURST_EVENTS = { begin: 'burst_begin', end: 'burst_end' } as const

/** What the events of one burst say in their `detail`. */
export const burstDetailSchema = z.object({
  device_id: z.string().min(1),
  load: z.enum(BURST_LOADS),
  length_ms: z.number().positive().describe('nominal; the work is fixed, the time is not'),
  launches: z.int().positive().describe('the work: equal launches of one kernel'),
  burst: z.int().nonnegative().describe('number of the burst'),
})
export type BurstDetail = z.infer<typeof burstDetailSchema>

/** How the energy of a burst was worked out. Source: docs/measuring.md, "Bursts". */
export const BURST_FORMS = ['ring_padded', 'ring_window', 'polled', 'counter'] as const
export type BurstForm = (typeof BURST_FORMS)[number]

const errorsSchema = z.object({
  form: z.enum(BURST_FORMS),
  n: z.int().nonnegative(),
  mean_j: z.number(),
  mean_low_j: z.number().nullable().describe('95 % interval of the mean'),
  mean_high_j: z.number().nullable(),
  /** Of single bursts, %: against their own counter or the mean; the counter itself always against the mean. */
  error_median_pct: z.number().nullable(),
  error_min_pct: z.number().nullable(),
  error_max_pct: z.number().nullable(),
  error_95_pct: z.number().nullable().describe('95 % of single bursts err by less'),
  within_stated_share: z
    .number()
    .nullable()
    .describe('share of bursts whose reference lies within the stated range of their energy'),
})
export type BurstErrors = z.infer<typeof errorsSchema>

const burstGroupSchema = z.object({
  load: z.enum(BURST_LOADS),
  length_ms: z.number().positive(),
  launches: z.int().positive(),
  bursts: z.int().positive(),
  seconds: z.number().describe('median of the real lengths'),
  power_w: z.number().nullable().describe('reference over that length, watts'),
  idle_w: z.number().nullable().describe('mean power around the bursts, watts'),
  reference_j: z.number().nullable(),
  reference_of: z.array(z.enum(BURST_FORMS)).describe('whose means the reference is the mean of'),
  single_against: z
    .enum(['own_counter', 'mean'])
    .describe(
      'own_counter: each burst is judged by the counter as it stepped before and after; mean: by the mean of all',
    ),
  reference_per_c_pct: z
    .number()
    .nullable()
    .describe(
      'by how much more the same work takes per degree, %; taken out where bursts are judged by the mean',
    ),
  reference_spread_pct: z.number().nullable().describe('by how much those differ, %'),
  single: z.boolean().describe('false: too short for a single burst to be reported'),
  goal_pct: z.number().nullable().describe('95 % of single padded bursts are to err by less'),
  goal_met: z.boolean().nullable(),
  stated_met: z.boolean().nullable().describe('95 % of the stated ranges hold the reference'),
  forms: z.array(errorsSchema),
})
export type BurstGroup = z.infer<typeof burstGroupSchema>

/** What `doctor --bursts` concludes of one device. */
export const burstReportSchema = z.object({
  device_id: z.string(),
  model: z.string().nullable(),
  limit_w: z.number().nullable(),
  groups: z.array(burstGroupSchema),
  goals_met: z.boolean().nullable().describe('null: no goal could be judged'),
})
export type BurstReport = z.infer<typeof burstReportSchema>

/** What `llem-agent doctor --bursts --json` prints. */
export const doctorBurstsSchema = z.object({
  bundle: z.string().describe('where the recording lies'),
  reports: z.array(burstReportSchema),
})
