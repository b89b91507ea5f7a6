import type { OpenAPIHono } from '@hono/zod-openapi'
import { streamSSE } from 'hono/streaming'
import { toJson } from '../../analysis/schema/json.ts'
import { endpoint } from '../endpoint.ts'
import type { RunEvent } from '../feed.ts'
import type { Parts } from '../parts.ts'
import { countStreams } from '../store/chunks.ts'
import { findRun } from '../store/find-run.ts'
import { runParams } from './run-params.ts'

/** Proxies cut connections on which nothing is said for a minute or less. */
const KEEP_ALIVE_MS = 15_000

/** What happens to a run while it runs, as server-sent events. */
export function eventRoutes(app: OpenAPIHono, { store, feed, closing }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/runs/{run_id}/events',
    summary:
      'Server-sent events: state (what is there), then chunk, update and sealed; ends when the run is sealed',
    params: runParams,
    answers: { 200: { description: 'events', body: 'text/event-stream' } },
    async handle(c, { params }) {
      const { run_id } = await findRun(store.db, params.run_id)
      return streamSSE(c, async (stream) => {
        const waiting: RunEvent[] = []
        let wake = () => {}
        // Subscribed before the state is read: what comes in between is told twice rather than not at all.
        const unsubscribe = feed.subscribe(run_id, (event) => {
          waiting.push(event)
          wake()
        })
        const stop = () => wake()
        stream.onAbort(stop)
        closing.addEventListener('abort', stop)
        try {
          const row = await findRun(store.db, run_id)
          const streams = await countStreams(store.db, run_id)
          const state = { run_id, state: row.state, outcome: row.outcome, streams }
          await stream.writeSSE({ event: 'state', data: toJson(state) })
          if (row.state === 'sealed') return
          while (!stream.aborted && !closing.aborted) {
            const next = waiting.shift()
            if (next) {
              await stream.writeSSE({ event: next.event, data: toJson(next.data) })
              if (next.event === 'sealed') return
              continue
            }
            const timer = { id: undefined as NodeJS.Timeout | undefined }
            const idle = await new Promise<boolean>((resolve) => {
              wake = () => resolve(false)
              timer.id = setTimeout(() => resolve(true), KEEP_ALIVE_MS)
            })
            clearTimeout(timer.id)
            if (idle) await stream.write(': still here\n\n')
          }
        } finally {
          unsubscribe()
          closing.removeEventListener('abort', stop)
        }
      })
    },
  })
}
