import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { boardComparisonSchema, boardRowSchema } from '../../analysis/schema/leaderboard.ts'
import { resultSchema } from '../../analysis/schema/result.ts'
import { boardFile } from '../board-file.ts'
import { boardsQuerySchema, compareStoredBoards } from '../compare-boards.ts'
import { endpoint, json } from '../endpoint.ts'
import { leaderboard } from '../leaderboard.ts'
import { leaderboardQuerySchema } from '../leaderboard-query.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { findResult, readResultFile } from '../store/results.ts'

/** Runs of ours and results of others side by side. */
export function leaderboardRoutes(app: OpenAPIHono, { store, summaries }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/leaderboard',
    summary: 'Runs and results of other tools in one list, each run with its place among these',
    query: leaderboardQuerySchema,
    answers: {
      200: {
        description: 'a page, least energy per output token first unless sorted otherwise',
        body: z.object({
          rows: z.array(boardRowSchema),
          metric: z.string(),
          invalid: z
            .int()
            .meta({ description: 'rows left out as not valid; valid=false lists them' }),
          next_cursor: z.string().nullable(),
        }),
      },
    },
    async handle(_, { query }) {
      const page = await leaderboard(store, summaries, query)
      if (query.format === 'json') return json(page)
      const { bytes, media_type } = await boardFile(store, page.rows, query)
      return new Response(bytes as Uint8Array<ArrayBuffer>, {
        headers: { 'content-type': media_type },
      })
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/leaderboard/compare',
    summary: 'Two boards, dates, GPUs, ... configuration by configuration',
    query: boardsQuerySchema,
    answers: { 200: { description: 'the comparison', body: boardComparisonSchema } },
    handle: async (_, { query }) => json(await compareStoredBoards(store, summaries, query)),
  })

  endpoint(app, {
    method: 'get',
    path: '/results/{result_id}',
    summary: 'One result of another tool: its numbers, what is foreign in it, where it came from',
    params: z.strictObject({ result_id: z.string().min(1).max(128) }),
    answers: { 200: { description: 'the result', body: resultSchema } },
    async handle(_, { params: { result_id } }) {
      const result = await findResult(store.db, result_id)
      if (result) return json(result)
      throw new HttpProblem(
        404,
        'unknown_result',
        `There is no result ${JSON.stringify(result_id)}. GET /leaderboard lists them.`,
      )
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/result-files/{sha256}',
    summary: 'A file that results came from, byte for byte as it came',
    params: z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256') }),
    answers: { 200: { description: 'the file', body: 'application/octet-stream' } },
    async handle(_, { params: { sha256 } }) {
      const file = await readResultFile(store.db, sha256)
      if (!file)
        throw new HttpProblem(404, 'unknown_file', `There is no file with SHA-256 ${sha256}.`)
      return new Response(file.bytes as Uint8Array<ArrayBuffer>, {
        headers: { 'content-type': 'application/octet-stream' },
      })
    },
  })
}
