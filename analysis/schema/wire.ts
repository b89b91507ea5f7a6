import { z } from 'zod'
import { idSchema } from './id.ts'
import { queryNumber } from './query-number.ts'
import { RUN_OUTCOMES } from './run.ts'
import { STREAM_NAMES } from './stream.ts'

/** Version of the wire. Agent and server of unlike major version refuse each other. */
export const WIRE_VERSION = '1.0'
export const WIRE_HEADER = 'Llem-Schema'
export const API_PREFIX = '/api/v1'
export const DEFAULT_PORT = 8642

/** Largest chunk body that a server takes, and that a recorder cuts well below. */
export const MAX_CHUNK_BYTES = 16 * 1024 * 1024
/** Largest JSON body (run.json with long phases, many sensors). */
export const MAX_JSON_BYTES = 4 * 1024 * 1024
/** A chunk is cut at least this often: all that a killed agent can lose. */
export const CHUNK_MAX_AGE_MS = 5_000

export function sameMajor(theirs: string): boolean {
  return theirs.split('.')[0] === WIRE_VERSION.split('.')[0]
}

export const chunkKeySchema = z.strictObject({
  process_id: idSchema,
  stream: z.enum(STREAM_NAMES),
  seq: queryNumber({ whole: true, least: 0, most: 2 ** 31 - 1 }),
})
export type ChunkKey = z.infer<typeof chunkKeySchema>

/** Body of POST /runs/{run_id}/seal: how the run ended and how many chunks of each stream it has. */
export const sealSchema = z.strictObject({
  outcome: z.enum(RUN_OUTCOMES),
  reason: z.string().max(4000).nullish(),
  chunks: z.array(
    z.strictObject({
      process_id: idSchema,
      stream: z.enum(STREAM_NAMES),
      count: z.int().nonnegative(),
    }),
  ),
})
export type Seal = z.infer<typeof sealSchema>

/** RFC 9457 problem details, with a stable code and the place of each bad field. */
export const problemSchema = z.object({
  type: z.string().default('about:blank'),
  title: z.string(),
  status: z.int(),
  code: z.string().meta({ description: 'stable, for programs' }),
  detail: z.string().optional().meta({ description: 'one sentence: the bad value and the remedy' }),
  errors: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .optional()
    .meta({ description: 'each bad field by its path' }),
})
export type Problem = z.infer<typeof problemSchema>
