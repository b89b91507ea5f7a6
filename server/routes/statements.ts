import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import {
  statementListSchema,
  statementSchema,
  verificationSchema,
} from '../../analysis/schema/statement.ts'
import { API_PREFIX } from '../../analysis/schema/wire.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { createStatement, NothingToState, readStatement, verifyStatement } from '../statements.ts'
import { listStatements, StatementNotFound } from '../store/statements.ts'
import { totalsQuerySchema } from '../totals-query.ts'
import { readAsked, totalsBodyShape } from './totals.ts'

const params = z.object({
  statement_id: z.string().meta({ description: 'the address, or eight digits or more of it' }),
})
const body = z.strictObject({
  ...totalsBodyShape,
  title: z.string().max(300).default(''),
})

/** Totals frozen under a permanent address: made, read and verified, never changed. */
export function statementRoutes(app: OpenAPIHono, parts: Parts): void {
  const { store, summaries, now } = parts

  endpoint(app, {
    method: 'post',
    path: '/statements',
    summary: 'Freeze totals: figures, factors, versions, scenario, filters and run hashes',
    query: totalsQuerySchema,
    body,
    answers: { 201: { description: 'the statement, with its address', body: statementSchema } },
    async handle(c, { query, body }) {
      const asked = await readAsked(parts, query, body)
      const said = c.req.query()
      const made = await stated(() =>
        createStatement(store, summaries, asked, said, body.title, now),
      )
      return json(made, 201, { location: `${API_PREFIX}/statements/${made.statement_id}` })
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/statements',
    summary: 'All statements, the newest first',
    answers: { 200: { description: 'addresses and titles', body: statementListSchema } },
    handle: async () => json({ statements: await listStatements(store.db) }),
  })

  endpoint(app, {
    method: 'get',
    path: '/statements/{statement_id}',
    summary: 'A statement as it was made',
    params,
    answers: { 200: { description: 'the statement', body: statementSchema } },
    handle: (_, { params }) =>
      found(async () => json(await readStatement(store, params.statement_id))),
  })

  endpoint(app, {
    method: 'get',
    path: '/statements/{statement_id}/verification',
    summary: 'What has changed since a statement was made: every hash and figure anew',
    params,
    answers: { 200: { description: 'what is intact and what is not', body: verificationSchema } },
    handle: (_, { params }) =>
      found(async () => json(await verifyStatement(store, summaries, params.statement_id, now))),
  })
}

async function stated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof NothingToState)
      throw new HttpProblem(422, 'nothing_to_state', error.message)
    throw error
  }
}

async function found(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StatementNotFound)
      throw new HttpProblem(404, 'unknown_statement', error.message)
    throw error
  }
}
