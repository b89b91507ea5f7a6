import { canonicalJson } from '../analysis/schema/key.ts'
import type { SiteTable } from '../analysis/schema/sites.ts'
import type { SitesRef, SitesUsed, StoredSites } from '../analysis/schema/stored.ts'
import { readSites } from './site-file.ts'
import { findVersion, type Putting, putVersion, SITES } from './store/document-versions.ts'
import type { Store } from './store/open.ts'
import type { DocumentVersionRow } from './store/tables.ts'

/** Stores a table of sites: as the next version, or as the newest one where it is the same. */
export async function putSites(
  store: Store,
  table: SiteTable,
  who: Putting,
): Promise<{ readonly done: 'added' | 'same'; readonly stored: StoredSites }> {
  const { done, row } = await store.db
    .transaction()
    .execute((tx) => putVersion(tx, 'sites', SITES, canonicalJson(table), who))
  return { done, stored: await storedOf(row) }
}

/** @throws NotStored */
export const storedSites = async (store: Store, { version }: SitesRef): Promise<StoredSites> =>
  storedOf(await findVersion(store.db, 'sites', SITES, version))

async function storedOf(row: DocumentVersionRow): Promise<StoredSites> {
  const { version, sha256, at, actor, document } = row
  const { sites } = await readSites(JSON.parse(document), 'the stored table of sites')
  return { version, sha256, at, actor, rows: sites.length, sites }
}

/** A table of sites; `stored` null: of a file or a body. */
export interface SitesBase {
  readonly table: SiteTable
  readonly stored: SitesUsed | null
}

export const asSitesBase = ({ sites, version, sha256 }: StoredSites): SitesBase => ({
  table: { sites },
  stored: { version, sha256 },
})
