import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { markedWindow, marksOf, measuredMarks } from '../../analysis/marked-windows.ts'
import { markedWindowSchema } from '../../analysis/schema/marked-window.ts'
import { queryNumber } from '../../analysis/schema/query-number.ts'
import { runValiditySchema } from '../../analysis/schema/run-validity.ts'
import { windowGroupSchema } from '../../analysis/schema/summary.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { validityOf } from '../run-validity.ts'
import { findRun } from '../store/find-run.ts'
import { runParams } from './run-params.ts'

const windowsQuery = z.strictObject({
  name: z.string().optional().meta({ description: 'only windows of this name' }),
  limit: queryNumber({ whole: true, least: 1, most: 10_000 }).default(1000).meta({
    description: 'the first so many by their begin; each costs a third of a millisecond',
  }),
})

/** Windows that programs marked in a run: by name, and one by one. */
export function windowRoutes(app: OpenAPIHono, { store, summaries }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/windows',
    summary: 'Windows that programs marked: their joules by name, and one by one',
    params: runParams,
    query: windowsQuery,
    answers: {
      200: {
        description: 'the names, and the windows in the order of their begin',
        body: z.object({
          run_id: z.string(),
          validity: runValiditySchema,
          names: z.array(windowGroupSchema),
          count: z.int().meta({ description: 'how many there are, shown or not' }),
          windows: z.array(markedWindowSchema),
        }),
      },
    },
    async handle(_, { params, query: { name, limit } }) {
      const row = await findRun(store.db, params.run_id)
      const { run, summary } = await summaries.withRun(row)
      const wanted = (window: { readonly name: string }) =>
        name === undefined || window.name === name
      const marks = marksOf(run).filter(wanted)
      return json({
        run_id: summary.run_id,
        validity: validityOf(row, summary),
        names: summary.windows.filter(wanted),
        count: marks.length,
        windows: measuredMarks(run, marks.slice(0, limit)).map((m) => markedWindow(run, m)),
      })
    },
  })
}
