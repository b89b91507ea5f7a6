import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { create } from 'tar'
import { chunkPath } from '../../analysis/schema/bundle.ts'
import { BUNDLE_VERSION } from '../../analysis/schema/run.ts'
import { makeDirectory } from '../make-directory.ts'
import { makePrivate } from '../private-file.ts'
import { readRunFile } from '../run-file.ts'
import { readChunks } from '../store/chunks.ts'
import type { Store } from '../store/open.ts'
import { sha256 } from '../store/sha256.ts'
import type { RunRow } from '../store/tables.ts'
import { writeFile } from '../write-file.ts'
import { BundleError } from './bundle-error.ts'
import { bundleFiles } from './files.ts'

/**
 * Writes runs as bundles: into `out` itself where it is one run, else a folder each. A name that ends in .tar.gz or
 * .tgz makes one archive. The same run gives the same bytes each time.
 * @throws BundleError when `out` is there and not empty
 */
export async function exportBundles(
  store: Store,
  rows: readonly RunRow[],
  out: string,
): Promise<void> {
  if (/\.(tar\.gz|tgz)$/.test(out)) return exportArchive(store, rows, out)
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new BundleError(`${out} is there and not empty. Give another --out.`)
  for (const row of rows)
    await writeBundle(store, row, rows.length === 1 ? out : join(out, row.run_id))
}

async function exportArchive(store: Store, rows: readonly RunRow[], out: string): Promise<void> {
  if (existsSync(out)) throw new BundleError(`${out} is there already. Give another --out.`)
  makeDirectory(dirname(out))
  const dir = mkdtempSync(join(tmpdir(), 'llem-export-'))
  try {
    for (const row of rows) await writeBundle(store, row, join(dir, row.run_id))
    makePrivate(out)
    // Sorted, portable and with one mtime: nothing of this machine or hour gets into the archive.
    await create(
      { file: out, cwd: dir, gzip: true, portable: true, mtime: new Date(0) },
      bundleFiles(dir).map((f) => f.path),
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function writeBundle(store: Store, row: RunRow, dir: string): Promise<void> {
  const files: Record<string, { sha256: string; bytes: number }> = {}
  const write = (path: string, bytes: Uint8Array, hash: string): void => {
    const full = join(dir, path)
    writeFile(full, bytes)
    files[path] = { sha256: hash, bytes: bytes.byteLength }
  }
  write('run.json', Buffer.from(row.run_json), row.sha256)
  for await (const chunk of readChunks(store.db, row.run_id)) {
    const hash = sha256(chunk.bytes)
    if (hash !== chunk.sha256)
      throw new BundleError(
        `Chunk ${chunk.process_id}/${chunk.stream}/${chunk.seq} of run ${row.run_id} is damaged in the database. Run: llem-server check`,
      )
    write(chunkPath(chunk.process_id, chunk.stream, chunk.seq), chunk.bytes, hash)
  }
  const { outcome, reason } = readRunFile(Buffer.from(row.run_json)).file.run
  const manifest = {
    bundle_version: BUNDLE_VERSION,
    // run.json stays as it came, so an outcome and its reason that only the seal holds go here.
    ...(outcome == null && row.outcome !== null ? { outcome: row.outcome } : {}),
    ...(reason == null && row.reason !== null ? { reason: row.reason } : {}),
    files,
  }
  writeFile(join(dir, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
