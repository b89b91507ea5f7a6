import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { findRun } from '../store/find-run.ts'
import { reportHtml, reportSpecs } from '../web/report.ts'
import { runParams } from './run-params.ts'

const reportQuery = z.strictObject({ format: z.enum(['html', 'vega']).default('html') })

export function reportRoutes(app: OpenAPIHono, { store, summaries }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/reports/{run_id}',
    summary: 'The report of a run: one HTML file that opens offline, or its bare Vega-Lite charts',
    params: runParams,
    query: reportQuery,
    answers: { 200: { description: 'the report', body: 'text/html' } },
    async handle(_, { params, query }) {
      const { run, summary } = await summaries.withRun(await findRun(store.db, params.run_id))
      if (query.format === 'vega') return json(await reportSpecs(run, summary))
      return new Response(await reportHtml(run, summary), {
        headers: { 'content-type': 'text/html; charset=utf-8' },
      })
    },
  })
}
