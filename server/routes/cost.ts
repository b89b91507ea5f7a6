import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { bestHours } from '../../analysis/cost/cost-hours.ts'
import { costSpecs } from '../../analysis/report/cost.ts'
import { hoursSpec } from '../../analysis/report/hours.ts'
import { sensitivitySpec } from '../../analysis/report/sensitivity.ts'
import { runLedgerSchema } from '../../analysis/schema/cost.ts'
import { scenarioQuerySchema } from '../cost-query.ts'
import { costedRun, costOf, ledgerUnder, timelineFor } from '../cost-view.ts'
import { endpoint, json } from '../endpoint.ts'
import { intensityTables } from '../intensity-tables.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { scenarioAsked } from '../scenario-asked.ts'
import { readScenario, ScenarioError } from '../scenario-file.ts'
import type { ScenarioBase } from '../scenarios.ts'
import { findRun } from '../store/find-run.ts'
import { runParams } from './run-params.ts'

const query = scenarioQuerySchema.extend({
  format: z.enum(['json', 'vega']).default('json').meta({
    description: 'vega: the charts of the ledger as bare Vega-Lite specs',
  }),
})
type Query = z.infer<typeof query>

const answers = {
  200: {
    description: 'the ledger: lines, their totals, both by functional unit; null with a reason',
    body: runLedgerSchema,
  },
}

/** Carbon, water and money of a run under a scenario: computed when asked, nothing of it is stored. */
export function costRoutes(app: OpenAPIHono, { store, summaries, now }: Parts): void {
  async function answer(run_id: string, { format, ...asked }: Query, base: ScenarioBase | null) {
    const under = await inWords(400, () => scenarioAsked(store, asked, base, now().slice(0, 10)))
    const costed = await costedRun(summaries, await findRun(store.db, run_id))
    if (format === 'json') return json(await ledgerUnder(costed, under, asked))
    const { scenario } = under
    const timeline = timelineFor(costed.run, scenario, asked)
    const ledger = await costOf(timeline, scenario)
    const hours = bestHours(timeline, scenario, await intensityTables())
    const charts = {
      ...costSpecs(ledger),
      sensitivity: sensitivitySpec(ledger),
      hours: 'why' in hours ? null : hoursSpec(hours),
    }
    return json(Object.fromEntries(Object.entries(charts).filter(([, spec]) => spec !== null)))
  }

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/cost',
    summary: 'Carbon, water and money of a run, under what the parameters say',
    params: runParams,
    query,
    answers,
    handle: (_, { params, query: asked }) => answer(params.run_id, asked, null),
  })

  endpoint(app, {
    method: 'post',
    path: '/runs/{run_id}/cost',
    summary: 'The same under a whole scenario in the body; parameters go over it',
    params: runParams,
    query,
    body: z.looseObject({}).meta({ description: 'a scenario, as docs/cost.md says' }),
    answers,
    async handle(_, { params, query: asked, body }) {
      const scenario = await inWords(422, async () => readScenario(body, 'the body'))
      return answer(params.run_id, asked, { scenario, stored: null })
    },
  })
}

/** A scenario that can't be read is a bad request, with the path of each fault. */
export async function inWords<T>(status: 400 | 422, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ScenarioError)
      throw new HttpProblem(status, 'invalid_scenario', error.message, {
        errors: error.errors.filter((e) => e.path !== ''),
      })
    throw error
  }
}
