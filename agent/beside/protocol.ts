import { z } from 'zod'
import { besidePartSchema } from '../../analysis/schema/beside.ts'

/** Answers of beside.py, one JSON line each. */
export const failedSchema = z.object({
  failed: z.string(),
  /** The module that Python lacks. */
  missing: z.string().nullable(),
  /** Path of the Python that lacks it; empty where Python can't tell. */
  executable: z
    .string()
    .nullish()
    .transform((path) => path || null),
})
export const readySchema = z.object({
  ready: z.object({ version: z.string().nullable(), python: z.string() }),
})

/** Readings of CLOCK_MONOTONIC, decimal digits. */
const hrtime = z.string().regex(/^\d+$/).transform(BigInt)
const doneSchema = z.object({
  stamps: z.tuple([hrtime, hrtime]),
  notes: z.array(z.string()),
})
export const begunSchema = doneSchema
export const endedSchema = doneSchema.extend({
  result: z.object({
    seconds: z.number().nullable(),
    pue: z.number().positive().nullable(),
    parts: z.array(besidePartSchema),
  }),
})
export type Begun = z.infer<typeof begunSchema>
export type Ended = z.infer<typeof endedSchema>
