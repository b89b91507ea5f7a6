import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { saysScenario, scenarioQuerySchema } from '../cost-query.ts'
import { ledgerUnder } from '../cost-view.ts'
import { endpoint, json } from '../endpoint.ts'
import { pageResponse } from '../page-response.ts'
import type { Parts } from '../parts.ts'
import { validityOf } from '../run-validity.ts'
import { scenarioAsked } from '../scenario-asked.ts'
import { findRun } from '../store/find-run.ts'
import { reportPage, reportSpecs } from '../web/report.ts'
import { inWords } from './cost.ts'
import { runParams } from './run-params.ts'

/** With a place or a price, the parameters of the cost's own address, the report has a section of carbon and money. */
const reportQuery = scenarioQuerySchema.extend({ format: z.enum(['html', 'vega']).default('html') })

export function reportRoutes(app: OpenAPIHono, { store, summaries, now }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/reports/{run_id}',
    summary: 'The report of a run: one HTML file that opens offline, or its bare Vega-Lite charts',
    params: runParams,
    query: reportQuery,
    answers: { 200: { description: 'the report', body: 'text/html' } },
    async handle(_, { params, query: { format, ...asked } }) {
      const wanted = saysScenario(asked) || asked.hour !== undefined || asked.boundary !== undefined
      const under = wanted
        ? await inWords(400, () => scenarioAsked(store, asked, null, now().slice(0, 10)))
        : null
      const row = await findRun(store.db, params.run_id)
      const { run, summary } = await summaries.withRun(row)
      if (format === 'vega') return json(await reportSpecs(run, summary))
      const cost =
        under === null
          ? null
          : await ledgerUnder({ run, validity: validityOf(row, summary) }, under, asked)
      return pageResponse(await reportPage(run, summary, cost))
    },
  })
}
