import type { OpenAPIHono } from '@hono/zod-openapi'
import { prometheusText } from '../counters.ts'
import { json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { VERSION } from '../program.ts'
import { countRuns } from '../store/count-runs.ts'
import { StoreError } from '../store/store-error.ts'

/** Outside /api/v1: for Kubernetes, Prometheus and the lock file's readers. */
export function healthRoutes(app: OpenAPIHono, { store, counters, closing }: Parts): void {
  app.get('/healthz', () =>
    json({ status: 'ok', program: 'llem-server', version: VERSION, pid: process.pid }),
  )
  app.get('/readyz', async () => {
    if (closing.aborted) throw new HttpProblem(503, 'closing', 'The server is ending.')
    try {
      await countRuns(store.db)
    } catch (error) {
      const known = StoreError.from(error, store.path)
      throw new HttpProblem(
        503,
        'not_ready',
        known instanceof Error ? known.message : String(known),
      )
    }
    return json({ status: 'ready' })
  })
  app.get('/metrics', async () => {
    const text = prometheusText(counters, await countRuns(store.db))
    return new Response(text, { headers: { 'content-type': 'text/plain; version=0.0.4' } })
  })
}
