import { z } from 'zod'
import { FINDING_CODES } from './finding.ts'
import { RUN_OUTCOMES } from './run.ts'

const codes = z.array(z.enum(FINDING_CODES))

/** Whether to believe what stands on a run: a part of every conclusion. */
export const runValiditySchema = z
  .object({
    run_id: z.string(),
    valid: z.boolean(),
    outcome: z.enum(RUN_OUTCOMES).nullable().meta({ description: 'null: not finished' }),
    reason: z.string().nullable().meta({ description: 'why it failed or was interrupted' }),
    invalid: codes.meta({ description: 'of the findings that make it invalid' }),
    cautions: codes,
  })
  .meta({ id: 'RunValidity' })
export type RunValidity = z.infer<typeof runValiditySchema>
