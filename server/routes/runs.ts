import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { resolvedExperiment } from '../../analysis/readings/run-data.ts'
import { findingSchema } from '../../analysis/schema/finding.ts'
import { queryNumber } from '../../analysis/schema/query-number.ts'
import { summarySchema } from '../../analysis/schema/summary.ts'
import { timeline } from '../../analysis/timeline.ts'
import { endpoint, json } from '../endpoint.ts'
import { loadRun } from '../load-run.ts'
import type { Parts } from '../parts.ts'
import { readRunFile } from '../run-file.ts'
import { runQuerySchema } from '../run-query.ts'
import { listView, viewOf } from '../run-view.ts'
import { annotateRun } from '../store/annotate.ts'
import { countStreams } from '../store/chunks.ts'
import { findRun } from '../store/find-run.ts'
import { runParams } from './run-params.ts'
import { listedRunSchema, runDetailSchema, runViewSchema } from './run-schema.ts'

const annotationSchema = z.strictObject({
  tags: z
    .record(
      z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'tag names are 1 to 64 of A-Z a-z 0-9 _ . -'),
      z.string().max(200).nullable().meta({ description: 'null takes the tag away' }),
    )
    .optional(),
  note: z.string().max(10_000).nullable().optional(),
  archived: z.boolean().optional(),
})

const timelineQuery = z.strictObject({
  columns: queryNumber({ whole: true, least: 10, most: 5000 }).default(800).meta({
    description: 'how many columns of pixels; each keeps its first, least, greatest and last',
  }),
})

/** Runs, what is known of each, and what may be noted about it. */
export function runRoutes(app: OpenAPIHono, { store, auth, summaries, now }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/runs',
    summary: 'List runs',
    query: runQuerySchema,
    answers: {
      200: {
        description: 'a page of runs, newest first unless sorted otherwise',
        body: z.object({ runs: z.array(listedRunSchema), next_cursor: z.string().nullable() }),
      },
    },
    handle: async (_, { query }) => json(await listView(store, summaries, query)),
  })

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}',
    summary: 'One run: its run.json and how much of each stream there is',
    params: runParams,
    answers: { 200: { description: 'the run', body: runDetailSchema } },
    async handle(_, { params }) {
      const row = await findRun(store.db, params.run_id)
      const { file } = readRunFile(Buffer.from(row.run_json))
      const streams = await countStreams(store.db, row.run_id)
      const experiment = resolvedExperiment(file.run.experiment)
      return json({ ...(await viewOf(store.db, row)), streams, experiment, run_json: file })
    },
  })

  endpoint(app, {
    method: 'patch',
    path: '/runs/{run_id}',
    summary: 'Change tags, note or archived; each change is audited',
    params: runParams,
    body: annotationSchema,
    answers: { 200: { description: 'the run as it is now', body: runViewSchema } },
    async handle(c, { params, body }) {
      const actor = await auth.actorOf(c.req.header('authorization') ?? null)
      const { run_id } = await findRun(store.db, params.run_id)
      await store.db
        .transaction()
        .execute((tx) => annotateRun(tx, run_id, body, { actor, now: now() }))
      return json(await viewOf(store.db, await findRun(store.db, run_id)))
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/summary',
    summary: 'Every number of a run, each with its range or the reason why there is none',
    params: runParams,
    answers: { 200: { description: 'the summary', body: summarySchema } },
    handle: async (_, { params }) =>
      json(await summaries.of(await findRun(store.db, params.run_id))),
  })

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/findings',
    summary: 'What is to be known about the validity of a run',
    params: runParams,
    answers: {
      200: {
        description: 'findings, and whether the run is valid',
        body: z.object({
          run_id: z.string(),
          valid: z.boolean(),
          findings: z.array(findingSchema),
        }),
      },
    },
    async handle(_, { params }) {
      const { run_id, valid, findings } = await summaries.of(await findRun(store.db, params.run_id))
      return json({ run_id, valid, findings })
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/timeline',
    summary: 'Power, load and phases over time, thinned out for drawing (never for counting)',
    params: runParams,
    query: timelineQuery,
    answers: { 200: { description: 'series and phases', body: z.looseObject({}) } },
    async handle(_, { params, query }) {
      const run = await loadRun(store, await findRun(store.db, params.run_id))
      return json(timeline(run, query.columns))
    },
  })
}
