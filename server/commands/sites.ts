import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { stringify } from 'yaml'
import { toJson } from '../../analysis/schema/json.ts'
import { sitesRefSchema } from '../../analysis/schema/stored.ts'
import { CommandError } from '../command-error.ts'
import { readSiteFile } from '../site-file.ts'
import { listSiteTables } from '../store/document-versions.ts'
import type { Store } from '../store/open.ts'
import { asSitesBase, putSites, type SitesBase, storedSites } from '../stored-sites.ts'
import { inCommand } from './named-scenario.ts'
import { columns } from './runs.ts'
import { isoNow, printLine, withStore } from './with-store.ts'

interface Common {
  readonly db: string
  readonly json: boolean
}

/** Stores a table of sites. */
export async function sitesPut(file: string, options: Common): Promise<void> {
  const table = await inCommand(() => readSiteFile(resolve(file)))
  await withStore(options.db, { create: true }, async (store) => {
    const { done, stored } = await putSites(store, table, { actor: 'local', now: isoNow })
    const { sites: _, ...version } = stored
    if (options.json) return printLine(toJson({ done, ...version }, 2))
    const ref = `stored@${stored.version}`
    printLine(
      done === 'added'
        ? `Stored ${ref}, ${stored.rows} ${stored.rows === 1 ? 'row' : 'rows'} (sha256 ${stored.sha256}). Use it: --sites stored`
        : `Stored already: ${ref} is the same (sha256 ${stored.sha256}).`,
    )
  })
}

export async function sitesList(options: Common): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const versions = await listSiteTables(store.db)
    if (options.json) return printLine(toJson({ versions }, 2))
    if (versions.length === 0)
      return printLine('No table of sites is stored. Store one: llem-server sites put FILE')
    const rows = versions.map((v) => [
      `stored@${v.version}`,
      v.at,
      v.actor,
      v.sha256.slice(0, 12),
      String(v.rows),
    ])
    for (const line of columns([['SITES', 'PUT', 'BY', 'SHA256', 'ROWS'], ...rows])) printLine(line)
  })
}

/** A stored table of sites as a file that can be put again; with --json as the API answers it. */
export async function sitesShow(text: string, options: Common): Promise<void> {
  const ref = sitesRefSchema.safeParse(text)
  if (!ref.success)
    throw new CommandError(
      2,
      `${JSON.stringify(text)} is not a version of the stored table; say stored, or stored@VERSION such as stored@2.`,
    )
  await withStore(options.db, { create: false }, async (store) => {
    const stored = await storedSites(store, ref.data)
    if (options.json) return printLine(toJson(stored, 2))
    const { version, sha256, at, actor, sites } = stored
    printLine(`# stored@${version}, put ${at} by ${actor}\n# sha256 ${sha256}`)
    process.stdout.write(stringify({ sites }))
  })
}

/**
 * What --sites names: `stored` or `stored@VERSION`, else a file.
 * @throws ScenarioError, NotStored; CommandError where there is no such file
 */
export async function namedSites(store: Store, text: string): Promise<SitesBase> {
  const ref = sitesRefSchema.safeParse(text)
  if (ref.success) return asSitesBase(await storedSites(store, ref.data))
  if (text.startsWith('stored@'))
    throw new CommandError(
      2,
      `--sites is ${JSON.stringify(text)}; the version must be a whole number from 1, such as stored@2. A file of that name is ./${text}`,
    )
  const path = resolve(text)
  if (!existsSync(path))
    throw new CommandError(
      2,
      `The file of sites ${path} can't be read (ENOENT). The table that is kept is --sites stored (llem-server sites list).`,
    )
  return { table: await readSiteFile(path), stored: null }
}
