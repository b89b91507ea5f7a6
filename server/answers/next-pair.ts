import { randomInt } from 'node:crypto'
import type { Ballot } from '../../analysis/schema/quality.ts'
import { RunUnreadable } from '../load-run.ts'
import type { Parts } from '../parts.ts'
import { votableSets } from '../store/answers.ts'
import { pairKey, votesByPair } from '../store/votes.ts'
import { AnswerError } from './answer-error.ts'
import type { AnswerSet, AnswerSets, StoredAnswer } from './answer-sets.ts'
import type { Ballots } from './ballots.ts'
import { sharedPrompts, twoSets } from './pairs.ts'

export interface NextQuery {
  readonly a?: string | undefined
  readonly b?: string | undefined
  readonly zone?: string | undefined
}

/**
 * Two answers to one prompt, in random order, without a word of whose they are. Without `a` and `b` of two sets of unlike
 * models that have had the fewest votes, so that votes come to join all of them.
 * @throws AnswerError where there are none
 */
export async function nextPair(
  sets: AnswerSets,
  ballots: Ballots,
  { store }: Pick<Parts, 'store'>,
  { a, b, zone }: NextQuery,
): Promise<Ballot> {
  const found =
    a !== undefined && b !== undefined ? await named(sets, a, b) : await leastVoted(sets, store)
  const { first, second, shared } = found
  const prompt_sha256 = shared[randomInt(shared.length)] as string
  const [left, right] = randomInt(2) === 0 ? [first, second] : [second, first]
  const answerOf = (set: AnswerSet) => set.answers.get(prompt_sha256) as StoredAnswer
  return {
    token: ballots.issue({
      ...{ prompt_sha256, zone },
      left_set_id: left.set_id,
      right_set_id: right.set_id,
    }),
    prompt: answerOf(left).prompt,
    left: { output: answerOf(left).output },
    right: { output: answerOf(right).output },
  }
}

interface Found {
  readonly first: AnswerSet
  readonly second: AnswerSet
  readonly shared: readonly string[]
}

async function named(sets: AnswerSets, a: string, b: string): Promise<Found> {
  const { first, second } = await twoSets(sets, a, b)
  const shared = sharedPrompts(first, second)
  if (shared.length === 0)
    throw new AnswerError(
      'no_pairs',
      `${first.set_id} and ${second.set_id} have no prompt in common, so there is nothing to vote on. Synthetic prompts are alike only for models with one tokenizer and one seed.`,
    )
  return { first, second, shared }
}

async function leastVoted(sets: AnswerSets, store: Parts['store']): Promise<Found> {
  const names = await votableSets(store.db)
  const votes = await votesByPair(store.db)
  const pairs = names.flatMap((x, i) =>
    names
      .slice(i + 1)
      .filter((y) => x.model === null || x.model !== y.model)
      .map((y) => ({
        x: x.set_id,
        y: y.set_id,
        votes: votes.get(pairKey(x.set_id, y.set_id)) ?? 0,
        draw: randomInt(2 ** 31),
      })),
  )
  pairs.sort((p, q) => p.votes - q.votes || p.draw - q.draw)
  for (const { x, y } of pairs) {
    const both = await readable(sets, x, y)
    if (both === null) continue
    const shared = sharedPrompts(both.first, both.second)
    if (shared.length > 0) return { ...both, shared }
  }
  throw new AnswerError(
    'no_pairs',
    'There are no two models with answers to the same prompt yet. Record runs with data.keep_answers: true, or import answers (docs/quality.md).',
  )
}

/** null where a run that should have kept answers has none, or can't be read. */
async function readable(sets: AnswerSets, x: string, y: string) {
  try {
    return await twoSets(sets, x, y)
  } catch (error) {
    if (error instanceof AnswerError || error instanceof RunUnreadable) return null
    throw error
  }
}
