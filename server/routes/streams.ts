import { ReadableStream } from 'node:stream/web'
import { setImmediate } from 'node:timers/promises'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { queryNumber } from '../../analysis/schema/query-number.ts'
import { STREAM_NAMES, type StreamName } from '../../analysis/schema/stream.ts'
import { endpoint, json } from '../endpoint.ts'
import { chosenFormat } from '../formats/choose.ts'
import { rowsOf } from '../formats/decoded.ts'
import { STREAM_FORMAT_NAMES, STREAM_FORMATS, type StreamFormatName } from '../formats/list.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { requestPage } from '../request-page.ts'
import { readChunks } from '../store/chunks.ts'
import { findRun } from '../store/find-run.ts'
import { runParams } from './run-params.ts'

const streamParams = runParams.extend({ stream: z.enum(STREAM_NAMES) })
const formatQuery = z.strictObject({ format: z.enum(STREAM_FORMAT_NAMES).optional() })
const requestsQuery = z.strictObject({
  limit: queryNumber({ whole: true, least: 1, most: 10_000 }).default(1000),
  cursor: z
    .string()
    .regex(/^\d{1,12}$/, 'is not a next_cursor of this list')
    .optional(),
})

/** The raw rows of a run. */
export function streamRoutes(app: OpenAPIHono, { store, summaries, log }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/streams/{stream}',
    summary:
      'Raw rows of one stream, every process: Arrow, Parquet, CSV or NDJSON by format or Accept',
    params: streamParams,
    query: formatQuery,
    answers: { 200: { description: 'the rows', body: STREAM_FORMATS.arrow.media_type } },
    async handle(c, { params, query }) {
      const format = query.format ?? chosenFormat(c.req.header('accept'))
      if (format === null)
        throw new HttpProblem(
          406,
          'not_acceptable',
          `Accept is ${c.req.header('accept')}; rows leave as ${STREAM_FORMAT_NAMES.map((f) => STREAM_FORMATS[f].media_type).join(', ')}.`,
        )
      const { run_id } = await findRun(store.db, params.run_id)
      const chunks = () => readChunks(store.db, run_id, params.stream)
      return rowsResponse(format, params.stream, run_id, chunks, log)
    },
  })

  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/requests',
    summary: 'Requests of a run with their latencies and joules, in the order of the rows',
    params: runParams,
    query: requestsQuery,
    answers: {
      200: {
        description: 'a page of requests',
        body: z.object({
          requests: z.array(z.looseObject({ request_id: z.string() })),
          next_cursor: z.string().nullable(),
        }),
      },
    },
    async handle(_, { params, query }) {
      const row = await findRun(store.db, params.run_id)
      return json(
        await requestPage({ store, summaries }, row, Number(query.cursor ?? 0), query.limit),
      )
    },
  })
}

async function rowsResponse(
  format: StreamFormatName,
  stream: StreamName,
  run_id: string,
  chunks: () => ReturnType<typeof readChunks>,
  log: (line: string) => void,
): Promise<Response> {
  const { media_type, encode } = STREAM_FORMATS[format]
  const parts = encode(stream, rowsOf(stream, chunks))
  // The first part is made before the status is sent, so that what can't be read answers as an error.
  const first = await parts.next()
  let pending: IteratorResult<Uint8Array> | null = first
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        // A client that takes all at once would keep the server from everybody else.
        await setImmediate()
        const part = pending ?? (await parts.next())
        pending = null
        if (part.done) controller.close()
        else controller.enqueue(part.value)
      } catch (error) {
        log(`rows of run ${run_id}, stream ${stream}: ${String(error)}`)
        controller.error(error)
      }
    },
    async cancel() {
      await parts.return(undefined)
    },
  })
  return new Response(body as unknown as ConstructorParameters<typeof Response>[0], {
    headers: {
      'content-type': media_type,
      'content-disposition': `attachment; filename="${run_id.replaceAll(':', '_')}-${stream}.${format}"`,
    },
  })
}
