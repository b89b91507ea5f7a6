import { withPresets } from '../analysis/cost/scenario-presets.ts'
import { unknownZones } from '../analysis/cost/site-table.ts'
import { type SiteTable, siteTableSchema } from '../analysis/schema/sites.ts'
import { parseYaml, YamlError } from '../analysis/schema/yaml.ts'
import { badFields } from './bad-field.ts'
import { CommandError } from './command-error.ts'
import { intensityTables } from './intensity-tables.ts'
import { FileError, readText } from './read-file.ts'
import { ScenarioError } from './scenario-file.ts'

/**
 * A table of sites from what was written: rows may name presets (`pue: google`), zones must be known.
 * @param where named in errors
 * @throws ScenarioError with the row, the bad value and what it must be
 */
export async function readSites(raw: unknown, where: string): Promise<SiteTable> {
  const parsed = siteTableSchema.safeParse(withRows(raw, where), { reportInput: true })
  if (!parsed.success)
    throw new ScenarioError(where, badFields(parsed.error.issues, '', siteTableSchema))
  const unknown = unknownZones(parsed.data, await intensityTables())
  if (unknown.length > 0)
    throw new ScenarioError(
      where,
      unknown.map(({ row, message }) => ({ path: `sites.${row}.zone`, message })),
    )
  return parsed.data
}

function withRows(raw: unknown, where: string): unknown {
  if (raw === null || typeof raw !== 'object' || !('sites' in raw) || !Array.isArray(raw.sites))
    return raw
  return {
    ...raw,
    sites: raw.sites.map((row: unknown, i) => {
      if (row === null || typeof row !== 'object') return row
      try {
        return withPresets(row as Record<string, unknown>)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        throw new ScenarioError(where, [{ path: `sites.${i}`, message: error.message }])
      }
    }),
  }
}

/**
 * A file of sites in YAML or JSON.
 * @throws ScenarioError; CommandError where it can't be read
 */
export async function readSiteFile(path: string): Promise<SiteTable> {
  let text: string
  try {
    text = readText(path, 'sites')
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    throw new CommandError(2, `The file of sites ${path} ${error.message}.`)
  }
  let raw: unknown
  try {
    raw = parseYaml(text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    throw new ScenarioError(path, [{ path: '', message: error.message }])
  }
  return await readSites(raw, path)
}
