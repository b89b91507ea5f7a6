import { z } from 'zod'
import { idSchema } from './id.ts'
import { instantOrNaN, instantSchema } from './instant.ts'
import { reasonSchema } from './reason.ts'

/** What of the machine the energies of a timeline hold. */
export const BOUNDARIES = ['gpu', 'cpu', 'gpu+cpu', 'node', 'rack'] as const
export type Boundary = (typeof BOUNDARIES)[number]

export const COMPONENTS = ['gpu', 'cpu', 'dram', 'node'] as const
export type ComponentName = (typeof COMPONENTS)[number]

export const ENERGY_METHODS = ['counter', 'power_integral', 'rapl', 'modelled'] as const
export type EnergyMethod = (typeof ENERGY_METHODS)[number]

const count = z.number().nonnegative().nullable()

const energyOf = z.strictObject({
  energy_uj: z
    .union([z.int(), z.bigint()])
    .nullable()
    .describe('IT energy, never with PUE in it; below zero: a counter that fell back'),
  reason: reasonSchema.nullable().default(null),
  method: z.enum(ENERGY_METHODS).nullable(),
})

/** Energy of a run over time, whole microjoules: what carbon and money are made of. */
export const energyTimelineSchema = z.strictObject({
  run_id: idSchema,
  boundary: z.enum(BOUNDARIES),
  boundary_partial: z.boolean().default(false).describe('parts of the machine are not in it'),
  span: z.enum(['window', 'recorded']).default('window').describe('what of the run'),
  seconds: z.number().nonnegative(),
  intervals: z
    .array(
      z.strictObject({
        from: instantSchema.nullable().describe('null: the run does not tell its wall time'),
        to: instantSchema.nullable(),
        energies: z.partialRecord(z.enum(COMPONENTS), energyOf),
      }),
    )
    .superRefine((rows, ctx) => {
      for (const [i, { from, to }] of rows.entries()) {
        if ((from === null || to === null) && rows.length > 1)
          ctx.addIssue({
            code: 'custom',
            path: [i, 'from'],
            message: 'must be told where there are several intervals',
          })
        if (from === null || to === null) continue
        const before = rows[i - 1]?.to
        if (
          instantOrNaN(to) < instantOrNaN(from) ||
          (before != null && instantOrNaN(from) < instantOrNaN(before))
        )
          ctx.addIssue({ code: 'custom', path: [i], message: 'must follow the interval before it' })
      }
    }),
  u: z
    .partialRecord(z.enum(COMPONENTS), z.number().nonnegative())
    .default({})
    .describe('relative standard uncertainty of each component over all intervals'),
  tokens: z.strictObject({ input: count, output: count, good: count }),
  requests: count,
  requests_good: count,
  gpus: z.int().nonnegative(),
  gpu_hours_reserved: count,
  notes: z.array(z.string()).default([]),
})
export type EnergyTimeline = z.infer<typeof energyTimelineSchema>
export type EnergyTimelineInput = z.input<typeof energyTimelineSchema>
