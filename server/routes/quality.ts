import type { HttpBindings } from '@hono/node-server'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { z } from 'zod'
import { qualitySpec } from '../../analysis/report/quality.ts'
import {
  ballotSchema,
  noPairSchema,
  pairsSchema,
  ratingsSchema,
  revealSchema,
  voteBodySchema,
  worthBodySchema,
} from '../../analysis/schema/quality.ts'
import { queryNumber } from '../../analysis/schema/query-number.ts'
import { AnswerError } from '../answers/answer-error.ts'
import { createAnswerSets } from '../answers/answer-sets.ts'
import { createBallots } from '../answers/ballots.ts'
import { castVote } from '../answers/cast-vote.ts'
import { nextPair } from '../answers/next-pair.ts'
import { pairsPage } from '../answers/pairs.ts'
import { ratingsQuerySchema, storedRatings } from '../answers/ratings.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { createRateLimit } from '../rate-limit.ts'
import { RunNotFound } from '../store/find-run.ts'
import { addWorth } from '../store/votes.ts'

const ref = z.string().min(1).max(320).meta({
  description: 'RUN, or answers:MODEL of answers that were imported without a run',
})
const zone = z.string().min(1).max(100).optional().meta({
  description: 'of Electricity Maps (DE), ISO 3166 alpha-3 or WORLD: grams as well as joules',
})

const pairsQuery = z.strictObject({
  a: ref,
  b: ref,
  zone,
  limit: queryNumber({ whole: true, least: 1, most: 200 }).default(20),
  cursor: queryNumber({ whole: true, least: 0 }).default(0),
})

const nextQuery = z
  .strictObject({
    a: ref.optional(),
    b: ref.optional(),
    zone,
    on_none: z.enum(['problem', 'reason']).default('problem').meta({
      description: 'where there is no pair: 404, or 200 with the reason, for pages of browsers',
    }),
  })
  .refine((q) => (q.a === undefined) === (q.b === undefined), {
    path: ['b'],
    message: 'must be given with a, and a with b; or neither, to choose among all',
  })

const chart = z.looseObject({}).meta({ description: 'a Vega-Lite spec, with format=vega' })

/** Nobody reads two answers in less than a second. */
const VOTING = { burst: 60, every_ms: 1_000 }

/** The code of a missing pair or a missing run of it. null: another error. */
const absenceOf = (error: unknown): string | null =>
  error instanceof RunNotFound
    ? 'unknown_run'
    : error instanceof AnswerError && error.code === 'no_pairs'
      ? error.code
      : null

/** Answers side by side, blind votes on them, and what the votes say against the joules. */
export function qualityRoutes(app: OpenAPIHono, parts: Parts): void {
  const { store, summaries, auth, now } = parts
  const sets = createAnswerSets(store, summaries)
  const ballots = createBallots(now)
  const allow = createRateLimit(VOTING, now)
  const caller = (c: Context) =>
    (c.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress ?? 'unknown'
  const by = async (c: Context) => ({
    actor: await auth.actorOf(c.req.header('authorization') ?? null),
    now: now(),
  })

  endpoint(app, {
    method: 'get',
    path: '/pairs',
    summary: 'Answers of two runs or models to the same prompts, side by side with what they took',
    query: pairsQuery,
    answers: { 200: { description: 'a page, by the hash of the prompt', body: pairsSchema } },
    handle: async (_, { query }) => json(await pairsPage(sets, parts, query)),
  })

  endpoint(app, {
    method: 'get',
    path: '/pairs/next',
    summary: 'Two answers to vote on, in random order and without a word of whose they are',
    query: nextQuery,
    answers: {
      200: {
        description: 'with a token for one vote; with on_none=reason perhaps why there is none',
        body: z.union([ballotSchema, noPairSchema]),
      },
    },
    async handle(c, { query }) {
      allow(caller(c))
      try {
        const ballot = await nextPair(sets, ballots, parts, query)
        return json(ballot, 200, { 'cache-control': 'no-store' })
      } catch (error) {
        const reason = absenceOf(error)
        if (reason === null || query.on_none === 'problem') throw error
        const { message: detail } = error as Error
        return json({ reason, detail }, 200, { 'cache-control': 'no-store' })
      }
    },
  })

  endpoint(app, {
    method: 'post',
    path: '/votes',
    summary: 'Vote, once a token and for good; the answer tells names and joules',
    body: voteBodySchema,
    answers: { 201: { description: 'stored', body: revealSchema } },
    async handle(c, { body }) {
      allow(caller(c))
      return json(await castVote(sets, ballots, parts, body, await by(c)), 201)
    },
  })

  endpoint(app, {
    method: 'post',
    path: '/votes/{vote_id}/worth_it',
    summary:
      'Say, once the joules are known, whether the chosen answer was worth what it took more',
    params: z.strictObject({ vote_id: z.string().min(1).max(100) }),
    body: worthBodySchema,
    answers: { 201: { description: 'stored', body: worthBodySchema } },
    async handle(c, { params, body }) {
      allow(caller(c))
      const added = await addWorth(store.db, params.vote_id, body.worth_it, await by(c))
      if (added === 'unknown')
        throw new HttpProblem(404, 'unknown_vote', `There is no vote ${params.vote_id}.`)
      if (added === 'again')
        throw new HttpProblem(
          409,
          'voted_already',
          'That was said of this vote already; it is never changed.',
        )
      return json(body, 201)
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/ratings',
    summary: 'How often each model is chosen (Bradley-Terry), against the joules of its answers',
    query: ratingsQuerySchema,
    answers: {
      200: { description: 'every entrant with votes', body: z.union([ratingsSchema, chart]) },
    },
    async handle(_, { query }) {
      const ratings = await storedRatings(store, query)
      return json(query.format === 'vega' ? qualitySpec(ratings) : ratings)
    },
  })
}
