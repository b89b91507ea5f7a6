import { type Kysely, sql } from 'kysely'
import { nearest } from '../../analysis/schema/did-you-mean.ts'
import { writeAudit } from './audit.ts'
import { sha256 } from './sha256.ts'
import { StoreError } from './store-error.ts'
import type { DocumentVersionRow, Tables } from './tables.ts'

export type DocumentKind = DocumentVersionRow['kind']
/** There is one table of sites, with a name of its own among the rows. */
export const SITES = 'sites'

/** A stored scenario or table of sites that is not there. */
export class NotStored extends Error {
  readonly kind: DocumentKind
  constructor(kind: DocumentKind, message: string) {
    super(message)
    this.name = 'NotStored'
    this.kind = kind
  }
}

/** Who puts something. The clock is read once the database is held, so that later versions have later times. */
export interface Putting {
  readonly actor: string
  now(): string
}

/** What became of what was put: a version more, or the newest one had the same content. */
export interface Put {
  readonly done: 'added' | 'same'
  readonly row: DocumentVersionRow
}

/**
 * Puts a document: the next version where it differs from the newest one, else that one. Nothing is ever replaced. Each
 * version has its row in the audit trail. Call it within a transaction.
 * @param document canonical JSON
 */
export async function putVersion(
  db: Kysely<Tables>,
  kind: DocumentKind,
  name: string,
  document: string,
  { actor, now: clock }: Putting,
): Promise<Put> {
  const newest = await versionRow(db, kind, name, null)
  const hash = sha256(document)
  if (newest?.sha256 === hash) return { done: 'same', row: newest }
  const version = (newest?.version ?? 0) + 1
  const now = clock()
  const row: DocumentVersionRow = { kind, name, version, sha256: hash, document, at: now, actor }
  await db.insertInto('document_version').values(row).execute()
  const detail = { name, version, sha256: hash }
  await writeAudit(db, { actor, now, action: `put_${kind}`, run_id: null, detail })
  return { done: 'added', row }
}

/**
 * A version as it was put; `version` null: the newest.
 * @throws NotStored, with what there is; StoreError where it no longer has its hash
 */
export async function findVersion(
  db: Kysely<Tables>,
  kind: DocumentKind,
  name: string,
  version: number | null,
): Promise<DocumentVersionRow> {
  const row = await versionRow(db, kind, name, version)
  if (row === undefined) throw new NotStored(kind, await notStored(db, kind, name, version))
  if (sha256(row.document) !== row.sha256)
    throw new StoreError(
      'damaged',
      `The stored ${kind} ${name}, version ${row.version}, is no longer what its SHA-256 says. Run: llem-server check`,
    )
  return row
}

const versionRow = (
  db: Kysely<Tables>,
  kind: DocumentKind,
  name: string,
  version: number | null,
): Promise<DocumentVersionRow | undefined> => {
  const rows = db
    .selectFrom('document_version')
    .selectAll()
    .where('kind', '=', kind)
    .where('name', '=', name)
  return (version === null ? rows : rows.where('version', '=', version))
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
}

async function notStored(
  db: Kysely<Tables>,
  kind: DocumentKind,
  name: string,
  version: number | null,
): Promise<string> {
  const newest = version === null ? undefined : await versionRow(db, kind, name, null)
  const what = kind === 'sites' ? 'The stored table of sites' : `The stored scenario ${name}`
  if (newest !== undefined)
    return `${what} has no version ${version}; its newest is ${newest.version}.`
  if (kind === 'sites')
    return 'No table of sites is stored. Store one: llem-server sites put examples/sites.yaml'
  const names = await db
    .selectFrom('document_version')
    .select('name')
    .distinct()
    .where('kind', '=', kind)
    .execute()
  const meant = nearest(
    name,
    names.map((row) => row.name),
  )
  const remedy =
    meant === null
      ? '. llem-server scenario list names them, scenario put FILE stores one.'
      : `; did you mean ${meant}?`
  return `There is no stored scenario ${JSON.stringify(name)}${remedy}`
}

const WITHOUT_DOCUMENT = ['name', 'version', 'sha256', 'at', 'actor'] as const

/** Every version of every scenario, by name, the newest first. */
export const listScenarios = (db: Kysely<Tables>) =>
  db
    .selectFrom('document_version')
    .select(WITHOUT_DOCUMENT)
    .select(sql<string>`json_extract(document, '$.title')`.as('title'))
    .where('kind', '=', 'scenario')
    .orderBy('name')
    .orderBy('version', 'desc')
    .execute()

/** Every version of the table of sites, the newest first. */
export const listSiteTables = (db: Kysely<Tables>) =>
  db
    .selectFrom('document_version')
    .select(['version', 'sha256', 'at', 'actor'])
    .select(sql<number>`json_array_length(document, '$.sites')`.as('rows'))
    .where('kind', '=', 'sites')
    .orderBy('version', 'desc')
    .execute()

/** Whether any table of sites is stored. */
export const hasSites = async (db: Kysely<Tables>): Promise<boolean> =>
  (await versionRow(db, 'sites', SITES, null)) !== undefined

/** Documents that are not what their hash says, and versions that are missing between others. */
export async function documentProblems(db: Kysely<Tables>): Promise<string[]> {
  const problems: string[] = []
  const keys = await db
    .selectFrom('document_version')
    .select(['kind', 'name', 'version'])
    .orderBy('kind')
    .orderBy('name')
    .orderBy('version')
    .execute()
  for (const [i, { kind, name, version }] of keys.entries()) {
    const at = `${kind} ${name}, version ${version}`
    const before = keys[i - 1]
    const last = before?.kind === kind && before.name === name ? before.version : 0
    if (version !== last + 1) problems.push(`${at}: the version before it is missing`)
    // One at a time: a series of a year is megabytes.
    const row = await versionRow(db, kind, name, version)
    if (row !== undefined && sha256(row.document) !== row.sha256)
      problems.push(`${at}: the document is not what its SHA-256 says`)
  }
  return problems
}
