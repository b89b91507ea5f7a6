import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { comparisonSchema, studyComparisonSchema } from '../../analysis/schema/comparison.ts'
import { compareStored, summariseExperiment } from '../compare-stored.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { runQuerySchema, writeCursor } from '../run-query.ts'
import { findRun } from '../store/find-run.ts'
import { needsSummaries, type RunListQuery } from '../store/run-filter.ts'
import { listGroups } from '../store/run-groups.ts'

const groupSchema = z.object({
  runs: z.int(),
  experiments: z.int(),
  first_created_at: z.string(),
  last_created_at: z.string(),
  name: z.string().nullable(),
  model: z.string().nullable(),
  engine: z.string().nullable(),
})
const MOST_RUNS = 1000
const run = z.string().min(1)
const compareQuery = z.strictObject({
  run: z
    .array(run)
    .min(2, 'must be given at least twice: run=A&run=B')
    .max(MOST_RUNS)
    .or(run.transform((one) => [one]))
    .refine((runs) => runs.length >= 2, 'must be given at least twice: run=A&run=B')
    .meta({ description: 'RUN, given twice or more often' }),
})

/** Late aggregation over runs. */
export function aggregateRoutes(app: OpenAPIHono, { store, summaries }: Parts): void {
  const groups = async (query: RunListQuery, by: 'study_id' | 'experiment_key') => {
    if (query.sort !== 'created_at')
      throw new HttpProblem(
        400,
        'invalid_query',
        `This list sorts by created_at only, not by ${query.sort}.`,
        {
          errors: [{ path: 'query.sort', message: 'must be created_at or -created_at' }],
        },
      )
    if (needsSummaries(query)) await summaries.fill()
    const rows = await listGroups(store.db, { ...query, limit: query.limit + 1 }, by)
    const page = rows.slice(0, query.limit)
    const last = page.at(-1)
    return {
      rows: page.map(({ key, ...rest }) => ({ [by]: key, ...rest })),
      next_cursor:
        rows.length > page.length && last
          ? writeCursor(query, { value: last.last_created_at, run_id: last.key })
          : null,
    }
  }

  endpoint(app, {
    method: 'get',
    path: '/studies',
    summary: 'List studies of the runs that the filters let through',
    query: runQuerySchema,
    answers: {
      200: {
        description: 'a page of studies, newest first',
        body: z.object({
          studies: z.array(groupSchema.extend({ study_id: z.string() })),
          next_cursor: z.string().nullable(),
        }),
      },
    },
    async handle(_, { query }) {
      const { rows, next_cursor } = await groups(query, 'study_id')
      return json({ studies: rows, next_cursor })
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/experiments',
    summary: 'List experiments of the runs that the filters let through',
    query: runQuerySchema,
    answers: {
      200: {
        description: 'a page of experiments, newest first',
        body: z.object({
          experiments: z.array(groupSchema.extend({ experiment_key: z.string() })),
          next_cursor: z.string().nullable(),
        }),
      },
    },
    async handle(_, { query }) {
      const { rows, next_cursor } = await groups(query, 'experiment_key')
      return json({ experiments: rows, next_cursor })
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/experiments/{experiment_key}/summary',
    summary: 'One experiment over its runs: cycles replicate, requests do not',
    params: z.strictObject({ experiment_key: z.string().min(1).max(128) }),
    answers: { 200: { description: 'the aggregate', body: z.looseObject({}) } },
    async handle(_, { params: { experiment_key } }) {
      const aggregate = await summariseExperiment(store, summaries, experiment_key)
      if (aggregate === null)
        throw new HttpProblem(
          404,
          'unknown_experiment',
          `There is no sealed run of experiment ${experiment_key}. GET /experiments lists them.`,
        )
      return json(aggregate)
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/compare',
    summary: 'Two runs metric by metric; more: their experiments ranked, each over its cycles',
    query: compareQuery,
    answers: {
      200: {
        description: 'the comparison',
        body: z.union([comparisonSchema, studyComparisonSchema]),
      },
    },
    async handle(_, { query }) {
      const rows = []
      for (const ref of query.run) rows.push(await findRun(store.db, ref))
      return json(await compareStored(summaries, rows))
    },
  })
}
