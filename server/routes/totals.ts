import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { totalsSchema } from '../../analysis/schema/totals.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { readScenario, ScenarioError } from '../scenario-file.ts'
import { readSites } from '../site-file.ts'
import { totalsStored } from '../totals.ts'
import { totalsAsked } from '../totals-ask.ts'
import { type TotalsQuery, totalsQuerySchema } from '../totals-query.ts'

/** A scenario and a table of sites, as their files say them. */
export const totalsBodyShape = {
  scenario: z
    .looseObject({})
    .optional()
    .meta({ description: 'a scenario (docs/cost.md); parameters go over it' }),
  sites: z
    .array(z.unknown())
    .optional()
    .meta({ description: 'rows of a table of sites (docs/totals.md)' }),
}
const bodySchema = z.strictObject(totalsBodyShape)
type TotalsBody = z.infer<typeof bodySchema>

const answers = {
  200: {
    description:
      'sums of kWh, grams, litres and money by group, each with the share of the energy that it covers',
    body: totalsSchema,
  },
}

/** Sums over everything measured, under what the parameters say or under a whole scenario and a table of sites. */
export function totalsRoutes(app: OpenAPIHono, parts: Parts): void {
  const { store, summaries, now } = parts

  async function answer(query: TotalsQuery, body: TotalsBody): Promise<Response> {
    const asked = await readAsked(parts, query, body)
    return json((await totalsStored(store, summaries, asked, now)).totals)
  }

  endpoint(app, {
    method: 'get',
    path: '/totals',
    summary: 'Energy, carbon, water and money of everything measured, by month, team, model, ...',
    query: totalsQuerySchema,
    answers,
    handle: (_, { query }) => answer(query, {}),
  })

  endpoint(app, {
    method: 'post',
    path: '/totals',
    summary: 'The same under a scenario and a table of sites in the body; nothing is stored',
    query: totalsQuerySchema,
    body: bodySchema,
    answers,
    handle: (_, { query, body }) => answer(query, body),
  })
}

/**
 * What a request asks to be summed.
 * @throws HttpProblem with the path of each fault
 */
export async function readAsked(
  { store, now }: Parts,
  query: TotalsQuery,
  { scenario, sites }: TotalsBody,
) {
  try {
    return await totalsAsked(
      store,
      query,
      scenario === undefined
        ? null
        : { scenario: readScenario(scenario, 'scenario'), stored: null },
      sites === undefined ? null : { table: await readSites({ sites }, 'sites'), stored: null },
      now().slice(0, 10),
    )
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error
    const status = scenario === undefined && sites === undefined ? 400 : 422
    throw new HttpProblem(status, 'invalid_scenario', error.message, {
      errors: error.errors.filter((e) => e.path !== ''),
    })
  }
}
