import { z } from 'zod'
import { ratingsOf } from '../../analysis/comparing/quality.ts'
import { RATED_BY, type Ratings } from '../../analysis/schema/quality.ts'
import type { Store } from '../store/open.ts'
import { readVotes } from '../store/votes.ts'

export const ratingsQuerySchema = z.strictObject({
  by: z.enum(RATED_BY).default('model').meta({ description: 'what is rated' }),
  format: z.enum(['json', 'vega']).default('json'),
})
export type RatingsQuery = z.infer<typeof ratingsQuerySchema>

/** Ratings of all votes that are stored. */
export const storedRatings = async (store: Store, { by }: RatingsQuery): Promise<Ratings> =>
  ratingsOf(await readVotes(store.db), by)
