import { resolve } from 'node:path'
import { toJson } from '../../analysis/schema/json.ts'
import { validityOf } from '../run-validity.ts'
import { reportHtml, reportSpecs } from '../web/report.ts'
import { writeFile } from '../write-file.ts'
import { namedRun, printDoubtful } from './named-run.ts'
import { printLine, summariesFor, withStore } from './with-store.ts'

/** Writes the report of a run as one HTML file, or its bare charts. */
export async function report(
  ref: string,
  options: { db: string; json: boolean; out: string | undefined; format: 'html' | 'vega' },
): Promise<void> {
  await withStore(options.db, { create: false }, async (store) => {
    const row = await namedRun(store, ref)
    const { run, summary } = await summariesFor(store).withRun(row)
    const name = `report-${row.run_id.replaceAll(':', '_')}.${options.format === 'html' ? 'html' : 'json'}`
    const path = resolve(options.out ?? name)
    const text =
      options.format === 'html'
        ? await reportHtml(run, summary)
        : toJson(await reportSpecs(run, summary), 2)
    writeFile(path, text)
    const validity = validityOf(row, summary)
    if (options.json) return printLine(toJson({ run_id: row.run_id, path, validity }))
    printLine(path)
    printDoubtful([validity])
  })
}
