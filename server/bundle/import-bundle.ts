import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { sameChunkButForSite } from '../../analysis/schema/redact-chunk.ts'
import type { Hide } from '../../analysis/schema/redacted.ts'
import type { Seal } from '../../analysis/schema/wire.ts'
import { sameRunText } from '../redact-incoming.ts'
import { writeAudit } from '../store/audit.ts'
import { chunkStorer } from '../store/chunk-storer.ts'
import { chunkBytes, listChunks } from '../store/chunks.ts'
import type { Store } from '../store/open.ts'
import { registerRun } from '../store/register.ts'
import { sealRun } from '../store/seal.ts'
import { sha256 } from '../store/sha256.ts'
import type { Tables } from '../store/tables.ts'
import { BundleError } from './bundle-error.ts'
import { type Bundle, readBundle } from './read-bundle.ts'
import { withUnpacked } from './unpack.ts'

export interface ImportedRun {
  readonly run_id: string
  /** `same`: it was there with these bytes; nothing has changed. */
  readonly result: 'imported' | 'same'
  readonly outcome: string
  readonly chunks: number
  readonly rows: number
  readonly ignored: readonly string[]
}

/**
 * The bundles in a folder, or the folder itself as one, read and checked whole.
 * @param shown what the user called the folder
 * @param hide of bundles that will be stored
 * @throws BundleError
 */
export const readFolder = (dir: string, shown: string, hide?: Hide): Bundle[] =>
  bundleFolders(dir, shown).map((folder) => readBundle(folder, hide))

/**
 * Imports a bundle (a folder or an archive), or several, one folder a run. All of it or nothing.
 * @param shown what the user called it
 * @throws BundleError
 */
export async function importBundles(
  store: Store,
  path: string,
  now: string,
  shown = path,
): Promise<ImportedRun[]> {
  if (!existsSync(path)) throw new BundleError(`There is no ${path}.`)
  return withUnpacked(path, async (dir) => {
    const bundles = readFolder(dir, shown, store.hide)
    return store.db.transaction().execute(async (tx) => {
      const imported: ImportedRun[] = []
      for (const bundle of bundles) imported.push(await importBundle(store, tx, bundle, now))
      return imported
    })
  })
}

function bundleFolders(dir: string, shown: string): string[] {
  if (existsSync(join(dir, 'run.json'))) return [dir]
  const inner = readdirSync(dir)
    .sort()
    .map((name) => join(dir, name))
    .filter((d) => existsSync(join(d, 'run.json')))
  if (inner.length === 0)
    throw new BundleError(
      `${shown} holds no run.json, and no folder in it does; a bundle is a folder with one.`,
    )
  return inner
}

/** @param db the transaction on the store's one connection, in which `raw` works too */
async function importBundle(
  { raw }: Store,
  db: Kysely<Tables>,
  bundle: Bundle,
  now: string,
): Promise<ImportedRun> {
  const { run, chunks, outcome, reason, ignored } = bundle
  const { run_id } = run.file.run
  const rows = chunks.reduce((n, c) => n + c.row_count, 0)
  const done = { run_id, outcome, chunks: chunks.length, rows, ignored }
  if ((await registerRun(db, run, now)) !== 'created') {
    await compare(db, bundle)
    return { ...done, result: 'same' }
  }
  const storeChunk = chunkStorer(raw)
  for (const chunk of chunks) {
    const result = storeChunk({ ...chunk, run_id, bytes: chunk.read() }, now)
    if (result !== 'stored')
      throw new BundleError(
        `${bundle.dir}/${chunk.path} changed while it was imported. Import again.`,
      )
  }
  const seal: Seal = { outcome, reason, chunks: countChunks(bundle) }
  await sealRun(db, run_id, seal, now)
  const detail = { run_json_sha256: sha256(run.text), chunks: chunks.length }
  await writeAudit(db, { actor: 'local', now, action: 'import_run', run_id, detail })
  return { ...done, result: 'imported' }
}

function countChunks({ chunks }: Bundle): Seal['chunks'] {
  const counts = new Map<string, Seal['chunks'][number]>()
  for (const { process_id, stream } of chunks) {
    const key = `${process_id}/${stream}`
    counts.set(key, { process_id, stream, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return [...counts.values()]
}

/** The same chunk, redacted here and elsewhere. */
const sameStored = async (
  db: Kysely<Tables>,
  run_id: string,
  chunk: Bundle['chunks'][number],
): Promise<boolean> => {
  const stored = await chunkBytes(db, { run_id, ...chunk })
  return stored !== null && sameChunkButForSite(chunk.stream, stored, chunk.read())
}

/** The stored run must be the bundle, byte for byte where nothing was redacted. */
async function compare(db: Kysely<Tables>, { dir, run, chunks }: Bundle): Promise<void> {
  const { run_id } = run.file.run
  const stored = await db
    .selectFrom('run')
    .select(['sha256', 'state', 'run_json'])
    .where('run_id', '=', run_id)
    .executeTakeFirstOrThrow()
  if (stored.state === 'open')
    throw new BundleError(
      `Run ${run_id} is still being received by this database; llem-agent ship finishes it.`,
    )
  const refuse = (path: string, ours: string, theirs: string) =>
    new BundleError(
      `Run ${run_id} is there with other bytes: ${path} of ${dir} has SHA-256 ${ours}, the stored one ${theirs}. The stored run stays as it is.`,
    )
  const hash = sha256(run.text)
  if (hash !== stored.sha256 && !sameRunText(run.text, stored.run_json))
    throw refuse('run.json', hash, stored.sha256)
  const key = (c: { process_id: string; stream: string; seq: number }) =>
    `${c.process_id}/${c.stream}/${c.seq}`
  const there = new Map((await listChunks(db, run_id)).map((c) => [key(c), c.sha256]))
  for (const chunk of chunks) {
    const theirs = there.get(key(chunk))
    if (theirs !== chunk.sha256 && !(await sameStored(db, run_id, chunk)))
      throw refuse(chunk.path, chunk.sha256, theirs ?? 'none (it has no such chunk)')
    there.delete(key(chunk))
  }
  const [left] = there
  if (left) throw refuse(`chunk ${left[0]}`, 'none (it has no such chunk)', left[1])
}
