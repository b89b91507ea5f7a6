import { z } from 'zod'
import { runValiditySchema } from './run-validity.ts'
import { scenarioUsedSchema } from './stored.ts'

const hourOfSchema = z.object({
  from: z.string().describe('start of the run, UTC'),
  carbon_g: z.number().nullable().describe('location-based, operational'),
  money: z.number().nullable().describe('of the energy alone'),
})
export type HourOf = z.infer<typeof hourOfSchema>

/** The same run at other hours of a series. */
export const bestHoursSchema = z.object({
  run_id: z.string(),
  scenario_id: z.string(),
  currency: z.string(),
  as_run: hourOfSchema,
  cleanest: hourOfSchema.nullable(),
  cheapest: hourOfSchema.nullable(),
  starts: z.array(hourOfSchema),
  validity: runValiditySchema.optional().describe('of the run; absent: it is not a stored one'),
  scenario_stored: scenarioUsedSchema
    .optional()
    .describe('absent: the scenario is not of a stored one'),
})
export type BestHours = z.infer<typeof bestHoursSchema>
