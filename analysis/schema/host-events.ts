import { z } from 'zod'

/** Details of the events that tell of the host as a whole: what the `event` stream's `detail` holds, by `code`. */

/** `suspended`: the host slept, somewhere between two anchors. */
export const suspendedSchema = z.looseObject({
  seconds: z.number(),
  after_t_ns: z.number().nullish(),
  before_t_ns: z.number().nullish(),
})

const temperaturesSchema = z.record(z.string(), z.number()).nullish()

/** `thermal_settle`: what came of the wait for settled temperatures. */
export const thermalSettleSchema = z.looseObject({
  outcome: z.enum(['settled', 'not_settled', 'no_temperature']),
  by: z.string().nullish(),
  waited_s: z.number().nullish(),
  limit_s: z.number().nullish(),
  start_c: temperaturesSchema,
  end_c: temperaturesSchema,
})
