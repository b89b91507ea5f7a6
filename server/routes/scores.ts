import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import {
  datasetSchema,
  runScoreSchema,
  runScoresSchema,
  scoreBodySchema,
} from '../../analysis/schema/quality.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { findRun } from '../store/find-run.ts'
import { attachScore, removeScore, scoresOf } from '../store/scores.ts'
import { runParams } from './run-params.ts'

const scoreParams = runParams.extend({ dataset: datasetSchema })

/** How well a run's answers did on datasets, as people and evaluation harnesses tell it. */
export function scoreRoutes(app: OpenAPIHono, { store, auth, now }: Parts): void {
  const by = async (authorization: string | undefined) => ({
    actor: await auth.actorOf(authorization ?? null),
    now: now(),
  })

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/scores',
    summary: 'The scores that were attached to a run, by dataset',
    params: runParams,
    answers: { 200: { description: 'the scores', body: runScoresSchema } },
    async handle(_, { params }) {
      const { run_id } = await findRun(store.db, params.run_id)
      return json({ run_id, scores: await scoresOf(store.db, run_id) })
    },
  })

  endpoint(app, {
    method: 'put',
    path: '/runs/{run_id}/scores/{dataset}',
    summary: 'Attach a score on a dataset; another one there is replaced only with replace: true',
    params: scoreParams,
    body: scoreBodySchema,
    answers: {
      200: {
        description: 'the same was there, or it took the place of another',
        body: runScoreSchema,
      },
      201: { description: 'attached', body: runScoreSchema },
    },
    async handle(c, { params, body }) {
      const { run_id } = await findRun(store.db, params.run_id)
      const who = await by(c.req.header('authorization'))
      const { done, score } = await store.db
        .transaction()
        .execute((tx) => attachScore(tx, run_id, params.dataset, body, who))
      if (done === 'there')
        throw new HttpProblem(
          409,
          'score_there',
          `Run ${run_id} has a score of ${score.value} on ${score.dataset} already. Send replace: true to put ${body.value} in its place; the change is audited.`,
        )
      return json(score, done === 'added' ? 201 : 200)
    },
  })

  endpoint(app, {
    method: 'delete',
    path: '/runs/{run_id}/scores/{dataset}',
    summary: 'Take a score away; the audit trail keeps it',
    params: scoreParams,
    answers: {
      200: { description: 'what was taken away', body: z.object({ removed: runScoreSchema }) },
    },
    async handle(c, { params }) {
      const { run_id } = await findRun(store.db, params.run_id)
      const who = await by(c.req.header('authorization'))
      const removed = await store.db
        .transaction()
        .execute((tx) => removeScore(tx, run_id, params.dataset, who))
      if (removed === null)
        throw new HttpProblem(
          404,
          'unknown_score',
          `Run ${run_id} has no score on ${params.dataset}.`,
        )
      return json({ removed })
    },
  })
}
