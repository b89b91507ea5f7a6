import { resolve } from 'node:path'
import { toJson } from '../../analysis/schema/json.ts'
import { writePrivate } from '../private-file.ts'
import { findRun } from '../store/find-run.ts'
import { reportHtml, reportSpecs } from '../web/report.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** Writes the report of a run as one HTML file, or its bare charts. */
export async function report(
  ref: string,
  options: { db: string; json: boolean; out: string | undefined; format: 'html' | 'vega' },
): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const row = await findRun(store.db, ref)
    const { run, summary } = await summariesFor(store).withRun(row)
    const name = `report-${row.run_id.replaceAll(':', '_')}.${options.format === 'html' ? 'html' : 'json'}`
    const path = resolve(options.out ?? name)
    const text =
      options.format === 'html'
        ? await reportHtml(run, summary)
        : toJson(await reportSpecs(run, summary), 2)
    writePrivate(path, text)
    printLine(options.json ? JSON.stringify({ run_id: row.run_id, path }) : path)
  })
}
