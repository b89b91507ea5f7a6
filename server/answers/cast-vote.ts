import type { Choice, Reveal } from '../../analysis/schema/quality.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { addVote, addWorth, type By, hasVoted } from '../store/votes.ts'
import type { AnswerSets } from './answer-sets.ts'
import type { Ballots } from './ballots.ts'
import { factsOf } from './pairs.ts'

export interface CastVote {
  readonly token: string
  readonly choice: Choice
  readonly worth_it: boolean | null
}

/**
 * Stores a vote, once a token and for good, and then tells whose the answers are and what they took.
 * @throws HttpProblem 404 for a token that is not known, 409 for one that has voted
 */
export async function castVote(
  sets: AnswerSets,
  ballots: Ballots,
  parts: Pick<Parts, 'store' | 'summaries'>,
  { token, choice, worth_it }: CastVote,
  by: By,
): Promise<Reveal> {
  const paper = ballots.find(token)
  if (paper === undefined)
    throw (await hasVoted(parts.store.db, token)) ? votedAlready() : unknownToken()
  const side = async (set_id: string) => {
    const set = await sets.of(set_id)
    const answer = set.answers.get(paper.prompt_sha256)
    if (answer === undefined) throw unknownToken()
    return factsOf(sets, parts, set, answer, paper.zone)
  }
  const left = await side(paper.left_set_id)
  const right = await side(paper.right_set_id)
  const vote_id = await parts.store.db.transaction().execute(async (tx) => {
    const vote = { token, choice, prompt_sha256: paper.prompt_sha256, left, right }
    const id = await addVote(tx, vote, by)
    if (id !== null && worth_it !== null) await addWorth(tx, id, worth_it, by)
    return id
  })
  ballots.used(token)
  if (vote_id === null) throw votedAlready()
  return { vote_id, choice, left, right, extra_energy_pct: extraEnergy(choice, left, right) }
}

function extraEnergy(choice: Choice, left: Reveal['left'], right: Reveal['right']): number | null {
  if (choice === 'tie' || choice === 'both_bad') return null
  const [chosen, other] = choice === 'left' ? [left, right] : [right, left]
  if (chosen.energy_j === null || other.energy_j === null || other.energy_j <= 0) return null
  return 100 * (chosen.energy_j / other.energy_j - 1)
}

const votedAlready = () =>
  new HttpProblem(
    409,
    'voted_already',
    'This token has voted; votes are never changed. Ask for the next pair.',
  )

const unknownToken = () =>
  new HttpProblem(
    404,
    'unknown_token',
    'This token is not known here, or is over a day old. Ask for the next pair.',
  )
