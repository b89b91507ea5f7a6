import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { IMPORTERS } from '../../analysis/importers/list.ts'
import { endpoint } from '../endpoint.ts'
import type { Parts } from '../parts.ts'

const importQuery = z.strictObject({
  dry_run: z
    .enum(['0', '1', 'false', 'true'])
    .default('0')
    .meta({ description: '1: say what would become of each row, store nothing' }),
  name: z
    .string()
    .regex(/^[^/\\\0]{1,200}$/, "must be a file's name without folders")
    .default('upload')
    .meta({ description: 'name of the file, for the provenance of its results' }),
  format: z
    .enum(IMPORTERS.map((i) => i.name) as [string, ...string[]])
    .optional()
    .meta({ description: 'whose file it is (default: by content)' }),
  revision: z.string().min(1).max(100).optional(),
})

/** Results of other tools over HTTP, a file at a time. */
export function importRoutes(app: OpenAPIHono, { imports, auth, now }: Parts): void {
  endpoint(app, {
    method: 'post',
    path: '/import',
    summary:
      'Take in a file of results of another tool, all or nothing, with a verdict for each row',
    query: importQuery,
    raw_body: {
      media_type: 'application/octet-stream',
      schema: 'JSON, JSON lines, CSV or Parquet',
    },
    answers: {
      200: { description: 'what became of each row', body: z.looseObject({}) },
    },
    async handle(c, { query }) {
      const actor = await auth.actorOf(c.req.header('authorization') ?? null)
      return imports.take(c, {
        name: query.name,
        format: query.format ?? null,
        revision: query.revision ?? null,
        dry_run: query.dry_run === '1' || query.dry_run === 'true',
        actor,
        now: now(),
      })
    },
  })
}
