import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { toJson } from '../../analysis/schema/json.ts'
import type { RunValidity } from '../../analysis/schema/run-validity.ts'
import { BundleError } from '../bundle/bundle-error.ts'
import { exportBundles } from '../bundle/export-bundle.ts'
import { bundleFiles } from '../bundle/files.ts'
import { readBundle } from '../bundle/read-bundle.ts'
import type { Store } from '../store/open.ts'
import { sha256 } from '../store/sha256.ts'
import type { RunRow } from '../store/tables.ts'
import { writeFile } from '../write-file.ts'
import { SUBMISSION_VERSION, statedOf } from './submission.ts'

/**
 * Writes a run so that others can check it: its raw bundle, the summary and the leaderboard row that follow from it, and
 * the hash of every file. Several runs: a folder each.
 * @returns the validity of each run, which the submission states too
 * @throws BundleError when `out` is there and not empty
 */
export async function exportSubmissions(
  store: Store,
  rows: readonly RunRow[],
  out: string,
): Promise<RunValidity[]> {
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new BundleError(`${out} is there and not empty. Give another --out.`)
  const validities: RunValidity[] = []
  for (const row of rows)
    validities.push(
      await writeSubmission(store, row, rows.length === 1 ? out : join(out, row.run_id)),
    )
  return validities
}

async function writeSubmission(store: Store, row: RunRow, dir: string): Promise<RunValidity> {
  await exportBundles(store, [row], join(dir, 'bundle'))
  // From the bundle as written, not from the database: what is stated is what a reader can compute.
  const { summary, validity, row: board } = statedOf(readBundle(join(dir, 'bundle')))
  writeFile(join(dir, 'summary.json'), `${toJson(summary, 2)}\n`)
  writeFile(join(dir, 'mlenergy.json'), `${toJson(board, 2)}\n`)
  const files = Object.fromEntries(
    bundleFiles(dir).map((f) => [f.path, { sha256: sha256(f.read()), bytes: f.bytes }]),
  )
  const { run_id, analysis_version } = summary
  const manifest = {
    ...{ submission_version: SUBMISSION_VERSION, run_id, analysis_version, validity },
    files,
  }
  writeFile(join(dir, 'submission.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return validity
}
