import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { toJson } from '../../analysis/schema/json.ts'
import { BundleError } from '../bundle/bundle-error.ts'
import { exportBundles } from '../bundle/export-bundle.ts'
import { bundleFiles } from '../bundle/files.ts'
import { readBundle } from '../bundle/read-bundle.ts'
import { writePrivate } from '../private-file.ts'
import type { Store } from '../store/open.ts'
import { sha256 } from '../store/sha256.ts'
import type { RunRow } from '../store/tables.ts'
import { SUBMISSION_VERSION, statedOf } from './submission.ts'

/**
 * Writes a run so that others can check it: its raw bundle, the summary and the leaderboard row that follow from it, and
 * the hash of every file. Several runs: a folder each.
 * @throws BundleError when `out` is there and not empty
 */
export async function exportSubmissions(
  store: Store,
  rows: readonly RunRow[],
  out: string,
): Promise<void> {
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new BundleError(`${out} is there and not empty. Give another --out.`)
  for (const row of rows)
    await writeSubmission(store, row, rows.length === 1 ? out : join(out, row.run_id))
}

async function writeSubmission(store: Store, row: RunRow, dir: string): Promise<void> {
  await exportBundles(store, [row], join(dir, 'bundle'))
  // From the bundle as written, not from the database: what is stated is what a reader can compute.
  const { summary, row: board } = statedOf(readBundle(join(dir, 'bundle')))
  writePrivate(join(dir, 'summary.json'), `${toJson(summary, 2)}\n`)
  writePrivate(join(dir, 'mlenergy.json'), `${toJson(board, 2)}\n`)
  const files = Object.fromEntries(
    bundleFiles(dir).map((f) => [f.path, { sha256: sha256(f.read()), bytes: f.bytes }]),
  )
  const { run_id, analysis_version } = summary
  const manifest = { submission_version: SUBMISSION_VERSION, run_id, analysis_version, files }
  writePrivate(join(dir, 'submission.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}
