import type { AnswerFacts, Pairs } from '../../analysis/schema/quality.ts'
import type { Parts } from '../parts.ts'
import { AnswerError } from './answer-error.ts'
import type { AnswerSet, AnswerSets, StoredAnswer } from './answer-sets.ts'
import { carbonFactor, gramsOf } from './carbon.ts'

/** Two sets of answers, which must not be one and the same. @throws AnswerError, RunNotFound, RunUnreadable */
export async function twoSets(sets: AnswerSets, a: string, b: string) {
  const first = await sets.of(a)
  const second = await sets.of(b)
  if (first.set_id === second.set_id)
    throw new AnswerError(
      'same_answers',
      `a and b are both ${first.set_id}; answers are compared with those of another run or model.`,
    )
  return { first, second }
}

/** Hashes of the prompts that both sets answer, in order. */
export const sharedPrompts = (a: AnswerSet, b: AnswerSet): string[] =>
  [...a.answers.keys()].filter((p) => b.answers.has(p)).sort()

/** Whose an answer is and what it took. */
export async function factsOf(
  sets: AnswerSets,
  { summaries }: Pick<Parts, 'summaries'>,
  set: AnswerSet,
  answer: StoredAnswer,
  zone: string | undefined,
): Promise<AnswerFacts> {
  const energy = await sets.energyOf(set, answer)
  return {
    set_id: set.set_id,
    run_id: set.run_id,
    model: set.model,
    valid: set.run === null ? null : (await summaries.of(set.run)).valid,
    ...energy,
    ...gramsOf(energy.energy_j, await carbonFactor(zone, yearOf(set))),
    e2e_s: answer.e2e_s,
    e2e_reason: answer.e2e_reason,
  }
}

const yearOf = ({ run }: AnswerSet): number | null =>
  run?.started_at == null ? null : new Date(run.started_at).getUTCFullYear()

export interface PairsQuery {
  readonly a: string
  readonly b: string
  readonly zone?: string | undefined
  readonly limit: number
  /** How many are passed over. */
  readonly cursor: number
}

/** Answers of two sets to the same prompts, side by side, a page at a time. */
export async function pairsPage(sets: AnswerSets, parts: Parts, query: PairsQuery): Promise<Pairs> {
  const { limit, cursor, zone } = query
  const { first, second } = await twoSets(sets, query.a, query.b)
  const shared = sharedPrompts(first, second)
  const side = async (set: AnswerSet, prompt: string) => {
    const answer = set.answers.get(prompt) as StoredAnswer
    const facts = await factsOf(sets, parts, set, answer, zone)
    return { ...facts, request_id: answer.request_id, output: answer.output }
  }
  const pairs: Pairs['pairs'] = []
  for (const prompt_sha256 of shared.slice(cursor, cursor + limit))
    pairs.push({
      prompt_sha256,
      prompt: first.answers.get(prompt_sha256)?.prompt as string,
      a: await side(first, prompt_sha256),
      b: await side(second, prompt_sha256),
    })
  const carbon = await carbonFactor(zone, yearOf(first))
  const named = ({ set_id, model, answers }: AnswerSet) => ({
    set_id,
    model,
    answers: answers.size,
  })
  return {
    a: named(first),
    b: named(second),
    shared_prompts: shared.length,
    carbon: typeof carbon === 'string' ? null : carbon,
    pairs,
    next_cursor: cursor + limit < shared.length ? String(cursor + limit) : null,
  }
}
