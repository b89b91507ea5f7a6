import type { OpenAPIHono } from '@hono/zod-openapi'
import { pageResponse } from '../page-response.ts'
import type { Parts } from '../parts.ts'
import { HttpProblem } from '../problem.ts'
import { runQuerySchema } from '../run-query.ts'
import { listView } from '../run-view.ts'
import { wantsPage } from '../wants-page.ts'
import { docsPage } from '../web/docs.ts'
import { homePage } from '../web/home.ts'
import { VOTE_SCRIPT_PATH, votePage } from '../web/vote.ts'
import { VOTE_SCRIPT } from '../web/vote-script.ts'

/** Without a token: pages that hold no data, or none where a token is required, and their scripts. */
export const OPEN_PAGES = ['/', '/docs', '/vote', VOTE_SCRIPT_PATH] as const

/** Runs on the first page; `/api/v1/runs` has all of them. */
const NEWEST = '20'

/**
 * The server's pages; reports are in their own file.
 * @param openapi the document that /docs shows
 */
export function pageRoutes(app: OpenAPIHono, parts: Parts, openapi: () => object): void {
  const { store, summaries, auth } = parts

  app.get('/', async (c) => {
    if (!wantsPage(c)) return c.redirect('/docs')
    const allowed = await isAllowed(c.req.header('authorization') ?? null)
    const query = runQuerySchema.parse({ limit: NEWEST })
    const runs = allowed ? (await listView(store, summaries, query)).runs : null
    return pageResponse(homePage(runs), 200, { vary: 'accept', 'cache-control': 'no-store' })
  })

  app.get('/docs', () => pageResponse(docsPage(openapi())))

  app.get('/vote', async () => pageResponse(votePage(!(await isAllowed(null)))))

  app.get(
    VOTE_SCRIPT_PATH,
    () =>
      new Response(VOTE_SCRIPT, {
        headers: { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache' },
      }),
  )

  async function isAllowed(authorization: string | null): Promise<boolean> {
    try {
      await auth.actorOf(authorization)
      return true
    } catch (error) {
      if (error instanceof HttpProblem && error.status === 401) return false
      throw error
    }
  }
}
