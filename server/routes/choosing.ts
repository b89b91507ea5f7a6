import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { paretoSchema, recommendationSchema } from '../../analysis/schema/choosing.ts'
import {
  type ParetoQuery,
  paretoQuerySchema,
  type RecommendQuery,
  recommendQuerySchema,
} from '../candidate-query.ts'
import { type Chosen, paretoStored, recommendStored } from '../choose-stored.ts'
import type { Asking } from '../choosing-pricer.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { readScenario } from '../scenario-file.ts'
import { inWords } from './cost.ts'

const chart = z.looseObject({}).meta({ description: 'a Vega-Lite spec, with format=vega' })
const scenarioBody = z.looseObject({}).meta({
  description: 'a scenario, as docs/cost.md says; parameters go over it',
})

const pareto = {
  path: '/pareto',
  query: paretoQuerySchema,
  answers: {
    200: {
      description:
        'every candidate as a point; filters are those of /runs, min_METRIC and max_METRIC bound the mean of an experiment',
      body: z.union([paretoSchema, chart]),
    },
  },
}
const recommend = {
  path: '/recommend',
  query: recommendQuerySchema,
  answers: {
    200: {
      description:
        'the recommended configuration, or null with the nearest; filters are those of /runs',
      body: z.union([recommendationSchema, chart]),
    },
  },
}

/** Choosing a configuration: the frontier of what was measured, and what to take within bounds. */
export function choosingRoutes(app: OpenAPIHono, { store, summaries, now }: Parts): void {
  const frontier = (query: ParetoQuery, body?: unknown) =>
    answered(query, body, (asking) => paretoStored(store, summaries, query, asking))
  const choice = (query: RecommendQuery, body?: unknown) =>
    answered(query, body, (asking) => recommendStored(store, summaries, query, asking))

  /** Under the scenario of a body, where one came. */
  async function answered<T>(
    { format }: { readonly format: 'json' | 'vega' },
    body: unknown,
    choose: (asking: Asking) => Promise<Chosen<T>>,
  ): Promise<Response> {
    const chosen = await inWords(body === undefined ? 400 : 422, async () => {
      const base =
        body === undefined ? null : { scenario: readScenario(body, 'the body'), stored: null }
      return choose({ base, today: now().slice(0, 10) })
    })
    return json(format === 'vega' ? chosen.chart() : chosen.answer)
  }

  endpoint(app, {
    ...pareto,
    method: 'get',
    summary: 'Which configurations no other one beats on every objective, and how sure that is',
    handle: (_, { query }) => frontier(query),
  })
  endpoint(app, {
    ...pareto,
    method: 'post',
    summary: 'The same with carbon, water and money under the scenario in the body',
    body: scenarioBody,
    handle: (_, { query, body }) => frontier(query, body),
  })
  endpoint(app, {
    ...recommend,
    method: 'get',
    summary:
      'The configuration that takes least within bounds, and what it saves against a baseline',
    handle: (_, { query }) => choice(query),
  })
  endpoint(app, {
    ...recommend,
    method: 'post',
    summary: 'The same with carbon, water and money under the scenario in the body',
    body: scenarioBody,
    handle: (_, { query, body }) => choice(query, body),
  })
}
