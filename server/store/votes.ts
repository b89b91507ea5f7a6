import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Vote } from '../../analysis/comparing/quality.ts'
import type { AnswerFacts, Choice } from '../../analysis/schema/quality.ts'
import { sha256 } from './sha256.ts'
import type { Tables } from './tables.ts'

export interface NewVote {
  readonly token: string
  readonly choice: Choice
  readonly prompt_sha256: string
  readonly left: AnswerFacts
  readonly right: AnswerFacts
}
export interface By {
  readonly actor: string
  readonly now: string
}

/** Adds a vote. @returns its id; null where this token has voted already */
export async function addVote(
  db: Kysely<Tables>,
  vote: NewVote,
  { actor, now }: By,
): Promise<string | null> {
  const { token, choice, prompt_sha256, left, right } = vote
  const vote_id = uuidv7()
  const done = await db
    .insertInto('vote')
    .values({
      ...{ vote_id, token_sha256: sha256(token), at: now, actor, choice },
      left_set_id: left.set_id,
      right_set_id: right.set_id,
      shown: JSON.stringify({ prompt_sha256, left, right }),
    })
    .onConflict((c) => c.column('token_sha256').doNothing())
    .executeTakeFirst()
  return done.numInsertedOrUpdatedRows === 1n ? vote_id : null
}

export async function hasVoted(db: Kysely<Tables>, token: string): Promise<boolean> {
  const row = await db
    .selectFrom('vote')
    .select('vote_id')
    .where('token_sha256', '=', sha256(token))
    .executeTakeFirst()
  return row !== undefined
}

/** Adds what was said of the extra energy. `unknown`: there is no such vote; `again`: it was said already. */
export async function addWorth(
  db: Kysely<Tables>,
  vote_id: string,
  worth_it: boolean,
  { actor, now }: By,
): Promise<'added' | 'again' | 'unknown'> {
  const vote = await db
    .selectFrom('vote')
    .select('vote_id')
    .where('vote_id', '=', vote_id)
    .executeTakeFirst()
  if (vote === undefined) return 'unknown'
  const done = await db
    .insertInto('vote_worth')
    .values({ vote_id, at: now, actor, worth_it: worth_it ? 1 : 0 })
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return done.numInsertedOrUpdatedRows === 1n ? 'added' : 'again'
}

/** Every vote, oldest first. */
export async function readVotes(db: Kysely<Tables>): Promise<Vote[]> {
  const rows = await db
    .selectFrom('vote')
    .leftJoin('vote_worth', 'vote_worth.vote_id', 'vote.vote_id')
    .select(['vote.choice', 'vote.shown', 'vote_worth.worth_it'])
    .orderBy('vote.at')
    .orderBy('vote.vote_id')
    .execute()
  return rows.map(({ choice, shown, worth_it }) => ({
    ...(JSON.parse(shown) as Pick<Vote, 'prompt_sha256' | 'left' | 'right'>),
    choice: choice as Choice,
    worth_it: worth_it === null ? null : worth_it === 1,
  }))
}

/** How many votes each two sets have had, by both ids in order. */
export async function votesByPair(db: Kysely<Tables>): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('vote')
    .select(['left_set_id', 'right_set_id', (e) => e.fn.countAll<number>().as('n')])
    .groupBy(['left_set_id', 'right_set_id'])
    .execute()
  const out = new Map<string, number>()
  for (const { left_set_id, right_set_id, n } of rows) {
    const key = pairKey(left_set_id, right_set_id)
    out.set(key, (out.get(key) ?? 0) + Number(n))
  }
  return out
}

export const pairKey = (a: string, b: string): string => JSON.stringify([a, b].sort())
