import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { paretoSchema, recommendationSchema } from '../../analysis/schema/choosing.ts'
import { paretoQuerySchema, recommendQuerySchema } from '../candidate-query.ts'
import { paretoStored, recommendStored } from '../choose-stored.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'

const chart = z.looseObject({}).meta({ description: 'a Vega-Lite spec, with format=vega' })

/** Choosing a configuration: the frontier of what was measured, and what to take within bounds. */
export function choosingRoutes(app: OpenAPIHono, { store, summaries }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/pareto',
    summary: 'Which configurations no other one beats on every objective, and how sure that is',
    query: paretoQuerySchema,
    answers: {
      200: {
        description:
          'every candidate as a point; filters are those of /runs, min_METRIC and max_METRIC bound the mean of an experiment',
        body: z.union([paretoSchema, chart]),
      },
    },
    async handle(_, { query }) {
      const { answer, chart } = await paretoStored(store, summaries, query)
      return json(query.format === 'vega' ? chart() : answer)
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/recommend',
    summary:
      'The configuration that takes least within bounds, and what it saves against a baseline',
    query: recommendQuerySchema,
    answers: {
      200: {
        description:
          'the recommended configuration, or null with the nearest; filters are those of /runs',
        body: z.union([recommendationSchema, chart]),
      },
    },
    async handle(_, { query }) {
      const { answer, chart } = await recommendStored(store, summaries, query)
      return json(query.format === 'vega' ? chart() : answer)
    },
  })
}
