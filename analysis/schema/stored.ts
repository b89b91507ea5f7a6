import { z } from 'zod'
import { scenarioSchema } from './scenario.ts'
import { siteTableSchema } from './sites.ts'

/** Which version of a stored scenario is meant; null: the newest. */
export interface ScenarioRef {
  readonly name: string
  readonly version: number | null
}
/** Which version of the stored table of sites is meant; null: the newest. */
export interface SitesRef {
  readonly version: number | null
}

const A_SCENARIO = /^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})(?:@([1-9]\d{0,8}))?$/
const A_TABLE = /^stored(?:@([1-9]\d{0,8}))?$/
const versionOf = (digits: string | undefined) => (digits === undefined ? null : Number(digits))

/** `berlin` or `berlin@2`, as parameters name a stored scenario. */
export const scenarioRefSchema = z
  .string()
  .regex(A_SCENARIO, 'must be NAME or NAME@VERSION of a stored scenario, such as berlin@2')
  .transform((text): ScenarioRef => {
    const [, name = '', version] = A_SCENARIO.exec(text) ?? []
    return { name, version: versionOf(version) }
  })

/** `stored` or `stored@2`, as parameters name the stored table of sites. */
export const sitesRefSchema = z
  .string()
  .regex(
    A_TABLE,
    'must be stored or stored@VERSION: the table that is kept, its newest or that one',
  )
  .transform((text): SitesRef => ({ version: versionOf(A_TABLE.exec(text)?.[1]) }))

const version = z.int().min(1).describe('from 1; whatever is put later has a higher one')
const content_sha256 = z.string().describe('SHA-256 of the content in canonical JSON')
const put = {
  version,
  sha256: content_sha256,
  at: z.string().describe('when it was put, UTC'),
  actor: z.string().describe('by whom: the name of a token, session or local'),
}

export const scenarioVersionSchema = z.object({
  name: z.string().describe('its id'),
  ...put,
  title: z.string(),
})
export type ScenarioVersion = z.infer<typeof scenarioVersionSchema>
export const scenarioListSchema = z.object({
  scenarios: z.array(scenarioVersionSchema).describe('every version, by name, the newest first'),
})
export const storedScenarioSchema = scenarioVersionSchema.extend({ scenario: scenarioSchema })
export type StoredScenario = z.infer<typeof storedScenarioSchema>

export const sitesVersionSchema = z.object({ ...put, rows: z.int().describe('of the table') })
export type SitesVersion = z.infer<typeof sitesVersionSchema>
export const sitesListSchema = z.object({
  versions: z.array(sitesVersionSchema).describe('the newest first'),
})
export const storedSitesSchema = sitesVersionSchema.extend(siteTableSchema.shape)
export type StoredSites = z.infer<typeof storedSitesSchema>

/** The stored scenario that an answer rests on, so that the same can be asked again. */
export const scenarioUsedSchema = z
  .object({
    name: z.string(),
    version,
    sha256: content_sha256,
    over: z
      .array(z.string())
      .describe('parameters that were given over it, in place of what it says'),
  })
  .meta({ id: 'ScenarioUsed' })
export type ScenarioUsed = z.infer<typeof scenarioUsedSchema>

/** The stored table of sites that an answer rests on. */
export const sitesUsedSchema = z.object({ version, sha256: content_sha256 })
export type SitesUsed = z.infer<typeof sitesUsedSchema>
