import { z } from 'zod'

/** What one change of a scenario does to a run's totals. */
export const costStepSchema = z.object({
  step: z.enum(['pue', 'intensity', 'price', 'hardware']),
  carbon_location_g: z.number().nullable(),
  money: z.number().nullable(),
})
export type CostStep = z.infer<typeof costStepSchema>
