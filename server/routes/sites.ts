import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { sitesListSchema, storedSitesSchema } from '../../analysis/schema/stored.ts'
import { API_PREFIX } from '../../analysis/schema/wire.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { readSites } from '../site-file.ts'
import { listSiteTables } from '../store/document-versions.ts'
import { putSites, storedSites } from '../stored-sites.ts'
import { inWords } from './cost.ts'
import { versionQuery } from './scenarios.ts'

/** The table of sites that is kept, in versions that never change. */
export function siteRoutes(app: OpenAPIHono, { store, auth, now }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/sites',
    summary: 'The stored table of sites as it was put',
    query: versionQuery,
    answers: { 200: { description: 'the table, with its hash', body: storedSitesSchema } },
    handle: async (_, { query: { version = null } }) => json(await storedSites(store, { version })),
  })

  endpoint(app, {
    method: 'get',
    path: '/sites/versions',
    summary: 'Every version of the stored table of sites',
    answers: { 200: { description: 'versions and hashes', body: sitesListSchema } },
    handle: async () => json({ versions: await listSiteTables(store.db) }),
  })

  endpoint(app, {
    method: 'put',
    path: '/sites',
    summary: 'Store a table of sites: the next version, or the newest one where that is the same',
    body: z.looseObject({}).meta({ description: '{ "sites": [...] }, as docs/totals.md says' }),
    answers: {
      200: { description: 'the newest version is the same', body: storedSitesSchema },
      201: { description: 'stored as a new version', body: storedSitesSchema },
    },
    async handle(c, { body }) {
      const actor = await auth.actorOf(c.req.header('authorization') ?? null)
      const table = await inWords(422, () => readSites(body, 'the body'))
      const { done, stored } = await putSites(store, table, { actor, now })
      const location = `${API_PREFIX}/sites?version=${stored.version}`
      return json(stored, done === 'added' ? 201 : 200, { location })
    },
  })
}
