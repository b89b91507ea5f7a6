import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { queryNumber } from '../../analysis/schema/query-number.ts'
import { scenarioIdSchema } from '../../analysis/schema/scenario.ts'
import { scenarioListSchema, storedScenarioSchema } from '../../analysis/schema/stored.ts'
import { API_PREFIX } from '../../analysis/schema/wire.ts'
import { endpoint, json } from '../endpoint.ts'
import type { Parts } from '../parts.ts'
import { readScenario, ScenarioError } from '../scenario-file.ts'
import { putScenario, storedScenario } from '../scenarios.ts'
import { listScenarios } from '../store/document-versions.ts'
import { inWords } from './cost.ts'

const params = z.strictObject({
  name: scenarioIdSchema.meta({ description: 'the id of the scenario' }),
})
export const versionQuery = z.strictObject({
  version: queryNumber({ whole: true, least: 1 })
    .optional()
    .meta({ description: 'without: the newest' }),
})

/** Scenarios that are kept under their names, in versions that never change. */
export function scenarioRoutes(app: OpenAPIHono, { store, auth, now }: Parts): void {
  endpoint(app, {
    method: 'get',
    path: '/scenarios',
    summary: 'Every version of every stored scenario',
    answers: { 200: { description: 'names, versions and hashes', body: scenarioListSchema } },
    handle: async () => json({ scenarios: await listScenarios(store.db) }),
  })

  endpoint(app, {
    method: 'get',
    path: '/scenarios/{name}',
    summary: 'A stored scenario as it was put',
    params,
    query: versionQuery,
    answers: { 200: { description: 'the scenario, with its hash', body: storedScenarioSchema } },
    handle: async (_, { params: { name }, query: { version = null } }) =>
      json(await storedScenario(store, { name, version })),
  })

  endpoint(app, {
    method: 'put',
    path: '/scenarios/{name}',
    summary: 'Store a scenario: the next version, or the newest one where that is the same',
    params,
    body: z.looseObject({}).meta({
      description: 'a scenario, as docs/cost.md says; its id, where it has one, is the name',
    }),
    answers: {
      200: { description: 'the newest version is the same', body: storedScenarioSchema },
      201: { description: 'stored as a new version', body: storedScenarioSchema },
    },
    async handle(c, { params: { name }, body }) {
      const actor = await auth.actorOf(c.req.header('authorization') ?? null)
      const { done, stored } = await inWords(422, async () => {
        const scenario = readScenario({ id: name, ...body }, 'the body')
        if (scenario.id !== name)
          throw new ScenarioError('the body', [
            {
              path: 'id',
              message: `is ${JSON.stringify(scenario.id)}; it must be ${name}, as in the address, or left out`,
            },
          ])
        return putScenario(store, scenario, { actor, now })
      })
      const location = `${API_PREFIX}/scenarios/${name}?version=${stored.version}`
      return json(stored, done === 'added' ? 201 : 200, { location })
    },
  })
}
