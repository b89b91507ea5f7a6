import { z } from 'zod'
import { idSchema } from './id.ts'

/** Other tools that can measure the same windows: the values of `sensors.beside`. */
export const BESIDE_TOOLS = ['zeus', 'codecarbon'] as const
export type BesideTool = (typeof BESIDE_TOOLS)[number]

export const BESIDE_COMPONENTS = ['gpu', 'cpu', 'dram'] as const
export type BesideComponent = (typeof BESIDE_COMPONENTS)[number]

/** One number of a tool: joules as it tells them, its PUE included. */
export const besidePartSchema = z.looseObject({
  component: z.enum(BESIDE_COMPONENTS),
  device_id: idSchema.nullish(),
  index: z.union([z.int(), z.string()]).nullish(),
  energy_j: z.number().nullish(),
  /** null: the tool does not tell. */
  how: z.enum(['measured', 'modelled']).nullish(),
})
export type BesidePart = z.infer<typeof besidePartSchema>

const span = z.tuple([z.number(), z.number()]).meta({
  description: 'just before and just after its call, on the run clock',
})

/** Detail of an event `beside`: what another tool measured of one window, or why it did not. */
export const besideEventSchema = z.looseObject({
  tool: z.string().min(1),
  version: z.string().nullish(),
  /** `measure`: the phase and its drain; `window:ID`: one that a program marked. */
  window: z.string().min(1),
  begin_t_ns: span.nullish(),
  end_t_ns: span.nullish(),
  seconds: z.number().nullish().meta({ description: 'as the tool itself counts them' }),
  pue: z.number().positive().nullish(),
  parts: z.array(besidePartSchema).default([]),
  notes: z.array(z.string()).default([]).meta({ description: 'what the tool warned of' }),
  failure: z.string().nullish().meta({ description: 'a sentence: why there is no result' }),
})
export type BesideEvent = z.infer<typeof besideEventSchema>

/** Why two figures of one window differ. */
export const BESIDE_REASONS = [
  'window',
  'pue',
  'source',
  'calibration',
  'counter_refresh',
  'last_reading',
  'repeatability',
  'modelled',
  'not_told',
  'not_measured_here',
] as const
export type BesideReason = (typeof BESIDE_REASONS)[number]

/** One reason and how much it makes out: between `low_j` and `high_j`; null: not to be told in joules. */
export const besideWhySchema = z.object({
  reason: z.enum(BESIDE_REASONS),
  low_j: z.number().nullable(),
  high_j: z.number().nullable(),
  words: z.string(),
})
export type BesideWhy = z.infer<typeof besideWhySchema>

const comparedSchema = z.object({
  component: z.enum(BESIDE_COMPONENTS),
  device_ids: z.array(idSchema).meta({ description: 'those that our figure is of' }),
  theirs_j: z.number().nullable(),
  how: z.enum(['measured', 'modelled']).nullable(),
  ours_j: z.number().nullable(),
  ours_low_j: z.number().nullable(),
  ours_high_j: z.number().nullable(),
  ours_source: z.string().nullable(),
  difference_pct: z.number().nullable().meta({ description: 'theirs less ours, of ours' }),
  why: z.array(besideWhySchema),
  unexplained_j: z.number().nullable().meta({
    description: 'what of the difference lies outside the sum of all reasons; 0: nothing does',
  }),
})
export type BesideCompared = z.infer<typeof comparedSchema>

/** What one other tool told of one window, against ours. */
export const besideSchema = z.object({
  tool: z.string(),
  version: z.string().nullable(),
  window: z.string(),
  seconds: z.number().nullable(),
  ours_s: z.number().nullable().meta({ description: 'length of the window that ours is of' }),
  total_j: z.number().nullable().meta({ description: 'all that the tool counts together' }),
  compared: z.array(comparedSchema),
  notes: z.array(z.string()),
  failure: z.string().nullable(),
})
export type Beside = z.infer<typeof besideSchema>
